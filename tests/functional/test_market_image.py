# SPDX-License-Identifier: Apache-2.0
"""Images of the marketplace, and what may be done with them and is not."""

from typing import Any

from openstack import exceptions as sdk_exceptions
import pytest

from .own_cloud import Cloud
from .own_cloud import refused
from .plain_http import Client
from .plain_http import code


def market_image(cloud: Cloud) -> Any:
    """Return an image of the marketplace."""
    return next(iter(cloud.conn.ims.cloud_images(image_type='market')))


def made_of_it(cloud: Cloud) -> str:
    """Make a private image of a server that runs one; return its ID."""
    compute = cloud.conn.compute
    server = compute.create_server(
        name='shop',
        flavor_id='s3.medium.2',
        image_id=market_image(cloud).id,
        networks='none',
    )
    compute.stop_server(server.id)
    job = cloud.conn.ims.create_image_from_server(
        server.id, 'of-shop', wait=True
    )
    return str(job.image_id)


def test_everybody_sees_what_the_marketplace_has(cloud: Cloud) -> None:
    images = list(cloud.conn.ims.cloud_images(image_type='market'))

    assert len(images) == 2
    assert {image.image_type for image in images} == {'market'}
    assert all(image.product_code for image in images)
    assert {image.visibility for image in images} == {'public'}


def test_public_images_are_none_of_them(cloud: Cloud) -> None:
    gold = list(cloud.conn.ims.cloud_images(image_type='gold'))
    assert [image for image in gold if image.product_code] == []


def test_an_image_of_the_marketplace_is_not_exported(cloud: Cloud) -> None:
    with refused('IMG.0078'):
        cloud.conn.ims.export_image(
            market_image(cloud), 'images:market.qcow2', file_format='qcow2'
        )


def test_an_image_of_the_marketplace_is_not_shared(
    cloud: Cloud, neighbour: Client
) -> None:
    with refused('IMG.0089'):
        cloud.conn.ims.add_image_members(
            [market_image(cloud)], [neighbour.project_id]
        )


def test_an_image_of_the_marketplace_is_not_deleted(tenant: Client) -> None:
    image_id = tenant.images(__imagetype='market')[0]['id']
    answer = tenant.request('DELETE', f'/v2/images/{image_id}')
    assert code(answer) == 'IMG.0093'


def test_an_image_of_the_marketplace_is_not_changed(cloud: Cloud) -> None:
    with pytest.raises(sdk_exceptions.HttpException):
        cloud.conn.ims.update_cloud_image(market_image(cloud), name='mine')


def test_what_is_made_of_one_remembers_it_and_is_not_exported(
    cloud: Cloud,
) -> None:
    product = market_image(cloud).product_code
    image_id = made_of_it(cloud)
    again = cloud.conn.ims.copy_image(image_id, 'again', wait=True).image_id

    for each in (image_id, again):
        image = cloud.conn.ims.get_cloud_image(each)
        assert (image.image_type, image.product_code) == ('private', product)
        with refused('IMG.0078'):
            cloud.conn.ims.export_image(
                image, 'images:market.qcow2', file_format='qcow2'
            )


def test_a_copy_of_one_is_private_and_not_exported(cloud: Cloud) -> None:
    copy = cloud.conn.ims.copy_image(
        market_image(cloud), 'copy', wait=True
    ).image_id

    assert cloud.conn.ims.get_cloud_image(copy).image_type == 'private'
    with refused('IMG.0078'):
        cloud.conn.ims.export_image(
            copy, 'images:copy.qcow2', file_format='qcow2'
        )
