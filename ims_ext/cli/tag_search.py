# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image list``: images found and counted by their tags."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from osc_lib.cli import parseractions

from ims_ext.extension import tag as _tag

#: The largest page of a search.
_LARGEST_PAGE = 1000

#: Options to find images by their tags, and the parameters that they are.
_SEARCH_OPTIONS = (
    ('--tag', 'tags', "List only images with this tag; with all of them"),
    ('--any-tag', 'tags_any', "List only images with one of these tags"),
    ('--not-tag', 'not_tags', "List no images with all of these tags"),
    ('--not-any-tag', 'not_tags_any', "List no images with one of these tags"),
)


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that find images by their tags.

    :param parser: The parser of a command that lists images.
    """
    for option, name, words in _SEARCH_OPTIONS:
        parser.add_argument(
            option,
            metavar='<key[=value]>',
            dest=name,
            action='append',
            help=(
                f"{words} (repeat option for several; without a value, any "
                f"value will do, and of one key's values, one will)"
            ),
        )
    parser.add_argument(
        '--no-tags',
        action='store_const',
        const=True,
        dest='without_any_tag',
        help="List only images without tags",
    )
    parser.add_argument(
        '--matches',
        metavar='<field=value>',
        action=parseractions.KeyValueAction,
        help=(
            "List only images with this text in their name (name=<text>) or "
            "with this ID (id=<id>)"
        ),
    )


def search_by(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options of :func:`add_search_options` ask for.

    :param parsed_args: The command's arguments.
    :returns: Arguments of ``images_by_tags`` and ``count_images_by_tags``.
    """
    search: dict[str, Any] = {
        name: _search_tags(getattr(parsed_args, name))
        for _, name, _ in _SEARCH_OPTIONS
        if getattr(parsed_args, name)
    }
    for name in ('without_any_tag', 'matches'):
        if getattr(parsed_args, name):
            search[name] = getattr(parsed_args, name)
    return search


def _search_tags(texts: Iterable[str]) -> list[_tag.Tag | str]:
    return [
        _tag.Tag(*text.split('=', 1)) if '=' in text else text
        for text in texts
    ]


def find_images(
    client: Any,
    query: Mapping[str, Any],
    search: Mapping[str, Any],
    complete: bool = False,
) -> Iterable[Any]:
    """Return the images that filters and tags find.

    :param client: ``conn.ims``.
    :param query: Filters for ``cloud_images``.
    :param search: Arguments of ``images_by_tags``.
    :param complete: Whether all of the images' attributes are needed; a
        search by tags tells ID, name, status and tags.
    """
    if not search:
        return _listed(client, query)
    tag = _only_tag(search)
    if tag:
        return _listed(client, {**query, 'tag': tag})
    filters = _without_limit(query)
    if not complete and not filters:
        page = min(query.get('limit') or _LARGEST_PAGE, _LARGEST_PAGE)
        images: Iterable[Any] = client.images_by_tags(**search, limit=page)
        return images
    # The search knows no filters, and the filters no other tags than one.
    # So the limit is not for either, but for what both find.
    wanted = {image.id for image in client.images_by_tags(**search)}
    if not wanted:
        return ()
    return (image for image in _listed(client, filters) if image.id in wanted)


def count_images(
    client: Any, query: Mapping[str, Any], search: Mapping[str, Any]
) -> int:
    """Return how many images filters and tags find.

    :param client: ``conn.ims``.
    :param query: Filters for ``cloud_images``; ``limit`` does not matter.
    :param search: Arguments of ``images_by_tags``.
    """
    filters = _without_limit(query)
    if search and not filters:
        return int(client.count_images_by_tags(**search))
    return sum(1 for _ in find_images(client, filters, search))


def _without_limit(query: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in query.items() if key != 'limit'}


def _listed(client: Any, query: Mapping[str, Any]) -> Iterable[Any]:
    found: Iterable[Any] = client.cloud_images(
        **_without_limit(query), max_items=query.get('limit')
    )
    return found


def _only_tag(search: Mapping[str, Any]) -> str | None:
    """Return the tag of a search that is by one key and value alone."""
    if list(search) != ['tags'] or len(search['tags']) > 1:
        return None
    [tag] = search['tags']
    return str(tag) if isinstance(tag, _tag.Tag) else None
