# SPDX-License-Identifier: Apache-2.0
"""Uploads a build of an image, once, and deletes older builds.

For what builds images time and again, as nodepool's builder does. A build is
known again by the digest of its file: run again, after whatever has happened,
it goes on with what is there.
"""

import argparse
import hashlib
import sys
from typing import Any

from retire import retire

import ims_ext


def upload(
    conn: Any, path: str, name: str, properties: dict[str, str], **how: Any
) -> Any:
    """Return the active image of a build, uploaded if it is not there yet.

    :param conn: A connection with ``conn.ims``.
    :param path: The build's file.
    :param name: The name that all builds of the image have in common.
    :param properties: Properties of the image's own.
    :param how: What else ``create_image_from_file`` takes.
    """
    with open(path, 'rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()
    tags = {'family': name, 'build': digest[:40]}
    job = conn.ims.create_image_from_file(
        path, f'{name}-{digest[:12]}', tags=tags, once=True, wait=True, **how
    )
    return conn.ims.update_cloud_image(job.image_id, properties=properties)


def main() -> int:
    """Read the command line, upload, and retire what is older."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('file')
    parser.add_argument('name')
    parser.add_argument('--bucket', help="for files of 2 GiB and more")
    parser.add_argument('--os-version')
    parser.add_argument(
        '--property',
        dest='properties',
        action='append',
        default=[],
        type=lambda text: text.split('=', 1),
        metavar='KEY=VALUE',
    )
    parser.add_argument('--keep', type=int, default=2, help="default: 2")
    given = parser.parse_args()
    with ims_ext.connect() as conn:
        image = upload(
            conn,
            given.file,
            given.name,
            dict(given.properties),
            bucket=given.bucket,
            os_version=given.os_version,
        )
        print(f"uploaded {image.name} ({image.id})")
        return not retire(conn, f'family={given.name}', given.keep)


if __name__ == '__main__':
    sys.exit(main())
