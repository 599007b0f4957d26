# SPDX-License-Identifier: Apache-2.0
"""Which versions are newer, and which of them are to be there."""

from collections.abc import Iterable, Mapping
import re
from typing import TypeAlias

from ims_ext.pipeline.manifest import model

#: Numbers come before words, and smaller ones before larger ones.
OrderKey: TypeAlias = tuple[tuple[int, int, str], ...]


def order(version: str) -> OrderKey:
    """Return a key that sorts versions, the newest last.

    Numbers count as numbers: ``1.9`` is before ``1.10``, ``20260901`` before
    ``20261101``. A version is before the same one with more at its end,
    unless that begins with a letter after ``-`` or ``~``: ``1.0-rc1`` is
    before ``1.0``.

    :param version: The version's name.
    """
    found = []
    for dash, number, word in re.findall(
        r'([-~]?)(?:([0-9]+)|([A-Za-z]+))', version
    ):
        if number:
            found.append((2, int(number), ''))
        else:
            found.append((0 if dash else 3, 0, word.lower()))
    # The end of a version: after a pre-release, before anything else.
    found.append((1, 0, ''))
    return tuple(found)


def newest_first(versions: Iterable[str]) -> list[str]:
    """Return versions by age, the newest first.

    :param versions: Their names.
    """
    return sorted(versions, key=lambda each: (order(each), each), reverse=True)


def of_channel(
    channel: model.Channel, image: model.Image, known: Iterable[str]
) -> str | None:
    """Return the version that a channel is to be at.

    :param channel: The channel.
    :param image: Its image.
    :param known: The image's versions.
    :returns: ``None`` where there is none.
    """
    if channel.version == model.NEWEST:
        return next(iter(newest_first(known)), None)
    if channel.version == model.PROMOTED:
        return image.promoted
    return channel.version


def wanted(
    image: model.Image, declared: Mapping[str, model.Version]
) -> set[str]:
    """Return the versions that are to be at an image's targets.

    That are those that retention keeps in any case, and those of channels.

    :param image: The image.
    :param declared: Its versions, those that were found among them.
    """
    names = newest_first(declared)
    if image.retention.keep is not None:
        names = names[: image.retention.keep]
    found = set(names)
    for channel in image.channels:
        if version := of_channel(channel, image, declared):
            found.add(version)
    if image.promoted:
        found.add(image.promoted)
    return found & set(declared)
