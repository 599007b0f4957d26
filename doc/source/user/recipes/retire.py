# SPDX-License-Identifier: Apache-2.0
"""Deletes the old images of a family.

The newest ones stay, and so does whatever is protected, is used by a server
of the project, or was accepted by another project.
"""

import argparse
import sys
from typing import Any

from openstack import exceptions

import ims_ext


def retire(conn: Any, tag: str, keep: int, is_dry: bool = False) -> bool:
    """Delete the images with a tag, but the newest ones.

    :param conn: A connection with ``conn.ims``.
    :param tag: The tag of the family, ``key=value``.
    :param keep: How many stay, one at least.
    :param is_dry: Whether to say only what would be deleted.
    :returns: Whether all that was to be deleted is.
    """
    if keep < 1:
        raise ValueError("keep is 1 at least")
    images = list(
        conn.ims.cloud_images(
            owner=conn.ims.get_project_id(), status='active', tag=tag
        )
    )
    images.sort(key=lambda image: image.created_datetime, reverse=True)
    # Whatever cannot be seen here ends the program before it deletes.
    servers = {
        server.image.id: server.name
        for server in conn.compute.servers()
        if server.image
    }
    is_done = True
    for image in images[keep:]:
        if reason := reason_to_keep(conn, image, servers):
            print(f"kept {image.name} ({image.id}): {reason}")
            continue
        try:
            if not is_dry:
                conn.ims.delete_image(image)
            print(f"deleted {image.name} ({image.id})")
        except exceptions.SDKException as error:
            print(f"kept {image.name} ({image.id}): {error}", file=sys.stderr)
            is_done = False
    return is_done


def reason_to_keep(conn: Any, image: Any, servers: dict[str, str]) -> str:
    """Return why an image is not to be deleted, if there is a reason.

    :param conn: A connection with ``conn.ims``.
    :param image: The image.
    :param servers: Names of servers, by the IDs of their images.
    """
    if image.is_protected:
        return "it is protected"
    if image.id in servers:
        return f"the server {servers[image.id]} uses it"
    for member in conn.ims.members(image):
        if member.status == 'accepted':
            return f"the project {member.member_id} has accepted it"
    return ""


def main() -> int:
    """Read the command line, and retire."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('tag', help="the family's tag, key=value")
    parser.add_argument('--keep', type=int, default=3, help="default: 3")
    parser.add_argument('--dry-run', action='store_true')
    given = parser.parse_args()
    with ims_ext.connect() as conn:
        return not retire(conn, given.tag, given.keep, given.dry_run)


if __name__ == '__main__':
    sys.exit(main())
