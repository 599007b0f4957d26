# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image create``: full-ECS images."""

import argparse
from typing import Any

from ims_ext.extension import job as _job


def start_whole(
    client: Any, parsed_args: argparse.Namespace, attrs: dict[str, Any]
) -> _job.Job:
    """Start to make a full-ECS image of a server or of its backup.

    :param client: ``conn.ims``.
    :param attrs: What the options say of the image.
    """
    job: _job.Job = client.create_whole_image(
        parsed_args.name,
        server=parsed_args.server,
        backup=parsed_args.backup,
        **attrs,
    )
    return job
