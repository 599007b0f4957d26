# SPDX-License-Identifier: Apache-2.0
"""Which images ``openstack ims image list`` lists, and in which order."""

import argparse
from collections.abc import Callable, Iterable
import fnmatch
import itertools
from typing import Any

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.cli import pagination
from osc_lib.cli import parseractions

from ims_ext import exceptions as ims_exceptions
from ims_ext import validation
from ims_ext import wire_names
from ims_ext.cli import command
from ims_ext.cli import tag_search
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import image_filter
from ims_ext.extension import image_patch
from ims_ext.extension import member

#: Filters that each kind of image is listed by.
_KINDS: dict[str, dict[str, Any]] = {
    'public': {'visibility': 'public'},
    'private': {'image_type': 'private'},
    # Its owner is told when it is known who asks.
    'own': {},
    'shared': {'image_type': 'shared', 'visibility': 'shared'},
    'market': {'image_type': 'market'},
    'community': {'visibility': 'community'},
    'all': {},
}

_KIND_HELP = {
    'private': "List only private images, which are shared with nobody",
    'own': "List only images of the project's own, shared with others or not",
    'community': "List only community images, on clouds that have them",
    'all': "List images of every kind (default)",
}

#: Options that are filters, under the same names.
_FILTERS = (
    'agents',
    'architecture',
    'created_at',
    'disk_format',
    'enterprise_project_id',
    'flavor_id',
    'is_hidden',
    'is_whole_image',
    'os_type',
    'os_version',
    'platform',
    'size_max',
    'size_min',
    'status',
    'updated_at',
    'virtual_env_type',
)

#: Keys of --property that the service filters by.
_ATTRIBUTES = image_patch.SUPPORT & {
    *image_filter.names(_cloud_image.CloudImage)
}

#: What --sort calls attributes that the images have under another name.
_SORT_NAMES = {
    'size': 'image_size',
    'project': 'owner',
    'protected': 'is_protected',
}

_PATTERN = frozenset('*?[')


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose and order images.

    :param parser: The parser of the command that lists images.
    """
    kind = parser.add_mutually_exclusive_group()
    for name in _KINDS:
        kind.add_argument(
            f'--{name}',
            action='store_const',
            const=name,
            dest='kind',
            help=_KIND_HELP.get(name, f"List only {name} images"),
        )
    _add_filter_options(parser)
    command.add_project_options(
        parser,
        "Filter images based on project that they belong to (name or ID)",
        '--owner',
    )
    tag_search.add_search_options(parser)
    parser.add_argument(
        '--sort',
        metavar='<key>[:<direction>]',
        help=(
            "Sort output by attributes, each in direction asc or desc, "
            "separated by commas (default: name:asc)"
        ),
    )
    pagination.add_marker_pagination_option_to_parser(parser)
    parser.add_argument(
        '--max-items',
        metavar='<max-items>',
        type=int,
        action=parseractions.NonNegativeAction,
        help="The most images to list; here --limit is the same",
    )


class Listing:
    """The images that a command's arguments ask for.

    :param client: ``conn.ims``.
    :param parsed_args: The command's arguments.
    :param find_project: Returns the ID of a project by its name or ID.
    """

    def __init__(
        self,
        client: Any,
        parsed_args: argparse.Namespace,
        find_project: Callable[[], str | None],
    ) -> None:
        self._client = client
        self._names = _name_patterns(parsed_args.name)
        self._sort_keys = _sort_keys(parsed_args.sort)
        self._limit = _smallest(parsed_args.limit, parsed_args.max_items)
        self._search = tag_search.search_by(parsed_args)
        self.query = _query(parsed_args)
        owner = find_project()
        if parsed_args.kind == 'own':
            if owner:
                raise exceptions.CommandError(
                    "--own and --project exclude one another"
                )
            owner = client.get_project_id()
        if owner:
            self.query['owner'] = owner
        if parsed_args.name and not self._names:
            self.query['name'] = parsed_args.name
        if parsed_args.marker:
            self.query['marker'] = client.find_cloud_image(
                parsed_args.marker, ignore_missing=False
            ).id
        if self._is_sorted_by_the_service():
            [(key, ascends)] = self._sort_keys
            self.query['sort_key'] = key
            self.query['sort_dir'] = 'asc' if ascends else 'desc'

    def _is_sorted_by_the_service(self) -> bool:
        # It sorts by one key: then it knows, of many images, the first ones.
        return len(self._sort_keys) == 1 and (
            self._sort_keys[0][0] in image_filter.SORT_KEYS
        )

    def count(self) -> int:
        """Return how many images there are, ``--limit`` or not."""
        if self._names:
            return sum(1 for _ in self._named(None, complete=False))
        return tag_search.count_images(self._client, self.query, self._search)

    def images(self, complete: bool) -> Iterable[Any]:
        """Return the images in order.

        :param complete: Whether all of their attributes are needed.
        """
        if self._sort_keys and not self._is_sorted_by_the_service():
            found = list(self._named(None, complete=True))
            for key, ascends in reversed(self._sort_keys):
                found.sort(key=_sort_value(key), reverse=not ascends)
            return found[: self._limit]
        images = self._named(self._limit, complete)
        if self._limit:
            images = itertools.islice(images, self._limit)
        if self._sort_keys:
            return images
        return sorted(images, key=_sort_value('name'))

    def _named(self, limit: int | None, complete: bool) -> Iterable[Any]:
        query = dict(self.query)
        if limit and not self._names:
            query['limit'] = limit
        images = tag_search.find_images(
            self._client, query, self._search, complete=complete
        )
        if not self._names:
            return images
        return (
            image
            for image in images
            if any(
                fnmatch.fnmatchcase(str(image.name or ''), pattern)
                for pattern in self._names
            )
        )


def find_project(
    client: Any, connection: Any, parsed_args: argparse.Namespace
) -> str | None:
    """Return the ID of the project that the images shall belong to.

    :raises: :class:`~openstack.exceptions.NotFoundException` where identity
        knows no such project, and no image belongs to it either, or cannot
        be asked for its name.
    """
    given = parsed_args.project
    if given is None:
        return None
    try:
        found = command.find_project_id(connection.identity, parsed_args)
    except sdk_exceptions.NotFoundException:
        # Of the projects of others, identity may say that there are none.
        if next(iter(client.cloud_images(owner=given, max_items=1)), None):
            return str(given)
        raise
    if found == given and not member.is_project_id(given):
        raise ims_exceptions.NotFoundError(
            f"No project named {given} is known, and identity does not let "
            f"you look up others: give the project's ID"
        )
    return found


def _query(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the filters that the options ask for."""
    query = dict(_KINDS.get(parsed_args.kind, {}))
    for name in _FILTERS:
        value = getattr(parsed_args, name)
        if value is not None:
            query[name] = value
    if parsed_args.member_status:
        query['member_status'] = parsed_args.member_status
        query['visibility'] = 'shared'
    own = {}
    for name, value in (parsed_args.properties or {}).items():
        if name in _ATTRIBUTES or image_filter.is_wire_name(name):
            query[name] = value
        else:
            own[name] = value
    if own:
        query['properties'] = own
    return query


def _smallest(*limits: int | None) -> int | None:
    return min((each for each in limits if each), default=None)


def _name_patterns(text: str | None) -> list[str]:
    """Return the patterns that ``--name`` stands for, if it has any.

    No name on these clouds has a character that patterns are made of.
    """
    if not text:
        return []
    if text.startswith('in:'):
        # As openstackclient passes it on, and Glance takes it.
        return [each.strip().strip('"') for each in text[3:].split(',')]
    return [text] if _PATTERN & {*text} else []


# ====== ORDER ======


def _sort_keys(text: str | None) -> list[tuple[str, bool]]:
    """Return the keys of ``--sort``, and whether each ascends."""
    keys = []
    for each in (text or '').split(',') if text else ():
        key, colon, direction = each.strip().partition(':')
        if direction not in ('asc', 'desc') and (colon or direction):
            raise exceptions.CommandError(
                f"--sort has the direction {direction!r}; asc or desc are "
                f"allowed"
            )
        key = key.lower().replace(' ', '_')
        validation.check_known('key to sort by', [key], _SORTABLE)
        keys.append((key, direction != 'desc'))
    return keys


_SORTABLE = frozenset(
    name for name, _ in wire_names.sent_attributes(_cloud_image.CloudImage)
) | {*_SORT_NAMES}


def _sort_value(key: str) -> Callable[[Any], Any]:
    attribute = _SORT_NAMES.get(key, key)

    def value(image: Any) -> tuple[bool, bool, Any]:
        found = getattr(image, attribute, None)
        if found is None:
            return False, False, 0
        is_number = isinstance(found, bool | int | float)
        # Numbers by what they are worth; nothing comes before all.
        return True, not is_number, found if is_number else str(found)

    return value


# ====== OPTIONS ======


def _add_filter_options(parser: argparse.ArgumentParser) -> None:
    for option, metavar, words in (
        ('--name', '<name>', "name, which may have * and ? in it"),
        ('--status', '<status>', "status"),
        ('--platform', '<platform>', "family of operating systems"),
        ('--os-version', '<os-version>', "operating system with version"),
        ('--disk-format', '<format>', "disk format"),
        ('--virtual-env-type', '<type>', "what they are for"),
        (
            '--architecture',
            '<architecture>',
            f"processors: {', '.join(validation.ARCHITECTURES)}",
        ),
        ('--agents', '<agents>', "agents that they have: hss, ces"),
        ('--flavor', '<flavor>', "flavor that they can be used with (ID)"),
        ('--enterprise-project', '<id>', "enterprise project (ID)"),
        (
            '--created-at',
            '<op:time>',
            "creation, gt:2026-01-31T10:00:00Z, or a day, 2026-01-31",
        ),
        (
            '--updated-at',
            '<op:time>',
            "last change, lt:2026-01-31T10:00:00Z, or a day, 2026-01-31",
        ),
    ):
        parser.add_argument(
            option,
            metavar=metavar,
            dest={
                '--flavor': 'flavor_id',
                '--enterprise-project': 'enterprise_project_id',
            }.get(option, option[2:].replace('-', '_')),
            help=f"Filter images based on {words}",
        )
    for option, words in (
        ('--size-min', "smallest"),
        ('--size-max', "largest"),
    ):
        parser.add_argument(
            option,
            metavar='<bytes>',
            type=int,
            help=f"Filter images based on {words} size, in bytes",
        )
    parser.add_argument(
        '--os-type',
        choices=validation.OS_TYPES,
        help="Filter images based on kind of operating system",
    )
    parser.add_argument(
        '--member-status',
        type=str.lower,
        choices=(*image_filter.MEMBER_STATUSES, 'all'),
        help="Filter images shared with the project based on its answer",
    )
    for option, name, words in (
        ('--hidden', 'is_hidden', "hidden"),
        ('--whole-image', 'is_whole_image', "full-server"),
    ):
        parser.add_argument(
            option,
            action='store_const',
            const=True,
            dest=name,
            help=f"List only {words} images",
        )
    parser.add_argument(
        '--property',
        metavar='<key=value>',
        dest='properties',
        action=parseractions.KeyValueAction,
        help=(
            "Filter images based on a property of their own, or another "
            "attribute, for example is_kvm_supported=true; a key that begins "
            "with __ goes to the cloud as it is (repeat option for several)"
        ),
    )
