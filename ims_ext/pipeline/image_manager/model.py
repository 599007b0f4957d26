# SPDX-License-Identifier: Apache-2.0
"""What definitions become before it is written."""

from collections.abc import Sequence
import dataclasses
from typing import Any

from ims_ext.document.reading import ValuePath

#: The group of projects that public images are shared with.
GROUP = 'consumers'


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where the images of the manifest will be.

    :ivar cloud: The entry of clouds.yaml.
    :ivar region: The region, where the entry has none or another.
    :ivar bucket: The bucket that files go through.
    :ivar target: The target's name in the manifest.
    :ivar projects: Names or IDs of the projects that public images are
        shared with.
    """

    cloud: str
    region: str | None = None
    bucket: str | None = None
    target: str = 'main'
    projects: Sequence[str] = ()


@dataclasses.dataclass
class Version:
    """A version as it is written.

    :ivar comments: What is told of it in a comment.
    """

    name: str
    settings: dict[str, Any]
    comments: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Image:
    """An image as it is written.

    :ivar path: Where it is in the file of its definition.
    :ivar comments: What is told of it in comments.
    """

    name: str
    path: ValuePath
    is_enabled: bool
    settings: dict[str, Any]
    versions: list[Version]
    comments: list[str]
