"""Deletes images of a name that are older than the newest few."""

import sys

import openstack

import ims_ext


def retire(conn: openstack.connection.Connection, name: str, keep: int) -> int:
    """Delete all images whose name begins with a word, but the newest ones.

    Protected images stay. Returns how many were deleted.
    """
    own = conn.session.get_project_id()
    images = [
        image
        for image in conn.ims.cloud_images(owner=own)
        if image.name.startswith(name)
    ]
    images.sort(key=lambda image: image.created_at, reverse=True)
    old = [image for image in images[keep:] if not image.is_protected]
    for image in old:
        conn.ims.delete_image(image)
    return len(old)


def main() -> int:
    """Retire images: ``retire.py NAME KEEP``."""
    name, keep = sys.argv[1:]
    with ims_ext.connect() as conn:
        print(f"{retire(conn, name, int(keep))} deleted")
    return 0


if __name__ == '__main__':
    sys.exit(main())
