from ..functional.own_cloud import own_cloud
def test_x():
    with own_cloud() as c:
        print(c.conn.ims.root_url())
        print(c.conn.ims.put('/v2/images/x/tags/a=b').status_code)
