# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image create``: images from servers and their disks."""

import argparse
from typing import Any

from ims_ext.extension import job as _job


def start_from_server(
    client: Any, parsed_args: argparse.Namespace, attrs: dict[str, Any]
) -> _job.Job:
    """Start to make an image of a server's system disk.

    :param client: ``conn.ims``.
    :param attrs: What the options say of the image.
    """
    job: _job.Job = client.create_image_from_server(
        parsed_args.server,
        parsed_args.name,
        safe_mode=parsed_args.safe_mode,
        **attrs,
    )
    return job


def start_from_volume(
    client: Any, parsed_args: argparse.Namespace, attrs: dict[str, Any]
) -> _job.Job:
    """Start to make an image of a volume, or data disk images of several.

    :param client: ``conn.ims``.
    :param attrs: What the options say of each image.
    """
    job: _job.Job
    if not parsed_args.data_disk:
        [volume] = parsed_args.volume
        job = client.create_image_from_volume(
            volume,
            parsed_args.name,
            safe_mode=parsed_args.safe_mode,
            **attrs,
        )
        return job
    names = [parsed_args.name]
    if len(parsed_args.volume) > 1:
        names = [
            f'{parsed_args.name}-{number}'
            for number in range(1, len(parsed_args.volume) + 1)
        ]
    job = client.create_data_images_from_volumes(
        [
            {'name': name, 'volume_id': volume, **attrs}
            for name, volume in zip(names, parsed_args.volume, strict=True)
        ],
        safe_mode=parsed_args.safe_mode,
    )
    return job
