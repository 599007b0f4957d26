# SPDX-License-Identifier: Apache-2.0
"""Publishes what an image build has made: imports it and shares it.

Run again, it goes on with what is there. The image's ID is all that is
printed.
"""

import argparse
from typing import Any

import ims_ext


def publish(conn: Any, path: str, name: str, version: str, **how: Any) -> Any:
    """Return the active image of a version, imported if it is not there.

    :param conn: A connection with ``conn.ims``.
    :param path: The file that the build has made.
    :param name: The image's name.
    :param version: The version: with the name, it is made once.
    :param how: What else ``create_image_from_file`` takes.
    """
    tags = {'family': name, 'version': version}
    job = conn.ims.create_image_from_file(
        path, f'{name}-{version}', tags=tags, once=True, wait=True, **how
    )
    return conn.ims.get_cloud_image(job.image_id)


def share(conn: Any, image: Any, projects: list[str]) -> None:
    """Share an image with the projects that it is not shared with yet.

    :param conn: A connection with ``conn.ims``.
    :param image: The image.
    :param projects: The projects' IDs.
    """
    members = {each.member_id for each in conn.ims.members(image)}
    if new := [each for each in projects if each not in members]:
        conn.ims.add_image_members(image, new, wait=True)


def main() -> None:
    """Read the command line, import and share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('file')
    parser.add_argument('name')
    parser.add_argument('version')
    parser.add_argument('projects', nargs='+', metavar='project')
    parser.add_argument('--bucket', required=True)
    parser.add_argument('--os-version', required=True)
    given = parser.parse_args()
    with ims_ext.connect() as conn:
        image = publish(
            conn,
            given.file,
            given.name,
            given.version,
            bucket=given.bucket,
            os_version=given.os_version,
        )
        share(conn, image, given.projects)
        print(image.id)


if __name__ == '__main__':
    main()
