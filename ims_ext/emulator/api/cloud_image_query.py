# SPDX-License-Identifier: Apache-2.0
"""The parameters of the extension's image listing."""

from collections.abc import Mapping
import datetime
import itertools
import re
from typing import cast

from werkzeug.datastructures import MultiDict

from ims_ext.emulator.api import rules
from ims_ext.emulator.api.image_query import MAX_PARAMETERS
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state.image import Images
from ims_ext.emulator.state.image_search import Operator
from ims_ext.emulator.state.image_search import TagCondition

#: How many images a page has without ``limit``.
DEFAULT_LIMIT = 500
#: The largest ``limit`` that is taken. More is refused, for clients would
#: take a page that is shorter than they asked for to be the last.
MAX_LIMIT = 10_000

SORT_KEYS = (
    'name',
    'container_format',
    'disk_format',
    'status',
    'id',
    'size',
    'created_at',
)

#: The permitted values of parameters, and the code for others.
CHOICES = {
    'visibility': (('public', 'private', 'shared'), 'IMG.0017'),
    'status': (
        ('queued', 'saving', 'deleted', 'killed', 'active'),
        'IMG.0017',
    ),
    'member_status': (('accepted', 'rejected', 'pending'), 'IMG.0017'),
    'sort_key': (SORT_KEYS, 'IMG.0017'),
    'sort_dir': (('asc', 'desc'), 'IMG.0017'),
    'virtual_env_type': (
        ('FusionCompute', 'Ironic', 'DataImage', 'IsoImage'),
        'IMG.0017',
    ),
    '__imagetype': (('gold', 'private', 'shared', 'market'), 'IMG.0024'),
    '__os_type': (('Linux', 'Windows', 'Other'), 'IMG.0122'),
    '__os_bit': (('32', '64'), 'IMG.0017'),
    'architecture': (('x86', 'arm', 'x86_64', 'aarch64'), 'IMG.0212'),
}
#: Other names that the references have for a parameter.
_ALIASES = {
    '__system_cmkid': '__system__cmkid',
    'virtual_environment_type': 'virtual_env_type',
}
_ATTRIBUTE = re.compile(r'[\w.:-]{1,255}')
_TIME_FORMATS = ('%Y-%m-%dT%H:%M:%SZ', '%Y-%m-%d %H:%M:%S')
_TIME_OPERATORS = ('gt', 'gte', 'lt', 'lte', 'eq', 'neq')
#: Parameters that are no conditions on one attribute.
_CONTROLS = frozenset(
    {
        'limit',
        'marker',
        'sort_key',
        'sort_dir',
        'member_status',
        'tag',
        'enterprise_project_id',
    }
)

_SIZES: dict[str, Operator] = {'size_min': 'gte', 'size_max': 'lte'}
_GLANCE_ARCHITECTURES = ('x86_64', 'aarch64')
#: The agents that there are, in the order that they are written in.
_AGENTS = ('hss', 'ces')


def parse(parameters: MultiDict[str, str], project_id: str) -> ImageQuery:
    """Return what a listing's parameters ask for.

    :param parameters: As in the URL.
    :param project_id: Who asks.
    :raises: :class:`~ims_ext.emulator.errors.ImsError` for values that are
        not permitted.
    """
    if sum(map(len, parameters.listvalues())) > MAX_PARAMETERS:
        raise ImsError('IMG.0017', "There are too many parameters.")
    given = [
        (_ALIASES.get(name, name), value)
        for name, value in parameters.items(multi=True)
    ]
    values = dict(given)
    for name, value in given:
        if name in CHOICES:
            _check_choice(name, value)
    conditions = [Condition('os_hidden', 'neq', True)]
    for name, value in given:
        if name not in _CONTROLS:
            conditions += _conditions(name, value)
    if '__isregistered' not in values:
        conditions.append(Condition('__isregistered', 'eq', 'true'))
    member_status = values.get('member_status')
    if member_status is not None:
        # About images of others: one's own have no such status.
        conditions.append(Condition('visibility', 'eq', 'shared'))
        conditions.append(Condition('owner', 'neq', project_id))
    ascending = values.get('sort_dir', 'desc') == 'asc'
    return ImageQuery(
        project_id=project_id,
        member_status=member_status or 'accepted',
        conditions=[
            *conditions,
            *_enterprise_project(values.get('enterprise_project_id')),
        ],
        tags=[_spellings(value) for name, value in given if name == 'tag'],
        sort=[(values.get('sort_key', 'created_at'), ascending)],
        marker=values.get('marker') or None,
        limit=page_size(values.get('limit', DEFAULT_LIMIT)),
    )


def page_size(value: object) -> int:
    """Return the ``limit`` that a parameter asks for.

    :raises: IMG.0017 for what is no number, or too large a one.
    """
    size = rules.whole_number('limit', value, 'IMG.0017')
    if size > MAX_LIMIT:
        raise ImsError('IMG.0017', f"limit must be at most {MAX_LIMIT}.")
    return size


def select(images: Images, query: ImageQuery) -> list[Image]:
    """Return a page of images.

    :raises: IMG.0027 for a marker that is no image the caller may see.
    """
    try:
        return images.select(query)
    except LookupError as error:
        raise ImsError(
            'IMG.0027', f"The marker {query.marker} is not an image."
        ) from error


def all_listed(project_id: str, parameters: Mapping[str, str]) -> ImageQuery:
    """Return a query for what a listing has on all of its pages."""
    query = parse(MultiDict(parameters), project_id)
    query.limit = None
    return query


def _spellings(tag: str) -> TagCondition:
    """Return the condition on a tag, which may be stored in several ways."""
    if not tag:
        raise ImsError('IMG.0115')
    key, separator, value = tag.partition('=')
    if not separator:
        return TagCondition([tag, f'{tag}='])
    # Tags from before the tagging function's upgrade have a dot.
    return TagCondition([tag, f'{key}.{value}' if value else key])


def _conditions(name: str, value: str) -> list[Condition]:
    """Return what one parameter asks of the attributes."""
    if name in ('created_at', 'updated_at'):
        return [_time(name, value)]
    if name in ('min_ram', 'min_disk'):
        return [Condition(name, 'eq', rules.whole_number(name, value))]
    if name == 'protected':
        operator: Operator = 'eq' if _truth(name, value) else 'neq'
        return [Condition(name, operator, True)]
    if name == '__whole_image':
        # Stored as a truth value or as the word for it.
        if _truth(name, value):
            return [Condition(name, 'in', ('true', True))]
        return [Condition(name, 'neq', 'true'), Condition(name, 'neq', True)]
    if name == 'id':
        wanted = [each.strip() for each in value.split(',')]
        return [Condition(name, 'in', wanted)]
    if name == '__imagetype':
        return _image_type(value)
    if name in _SIZES:
        # As Glance has them, and other clients send them.
        size = rules.whole_number(name, value)
        return [Condition('size', _SIZES[name], size)]
    if name == '__support_agent_list':
        return [Condition(name, 'in', _with_agents(value))]
    if name == 'architecture' and value in _GLANCE_ARCHITECTURES:
        # On private clouds it is one of the image's own properties.
        return [Condition(name, 'eq', value)]
    if name == 'architecture':
        operator = 'eq' if value == 'arm' else 'neq'
        return [Condition('__support_arm', operator, 'true')]
    if name == 'flavor_id':
        # H: finds public images for a flavor; none here excludes any.
        return [Condition('visibility', 'eq', 'public')]
    if not _ATTRIBUTE.fullmatch(name):
        raise ImsError('IMG.0017', "A parameter's name is no attribute's.")
    if value.lower() in ('true', 'false'):
        value = value.lower()
    return [Condition(name, 'eq', value)]


def _with_agents(value: str) -> list[str]:
    """Return the lists of agents that have all of those wanted."""
    wanted = {each.strip() for each in value.split(',')}
    lists = [
        list(each)
        for length in range(1, len(_AGENTS) + 1)
        for each in itertools.permutations(_AGENTS, length)
    ]
    return [value, *(','.join(each) for each in lists if wanted <= {*each})]


def _image_type(value: str) -> list[Condition]:
    """Return the conditions for a type, which sharing changes."""
    if value == 'shared':
        return [Condition('visibility', 'eq', 'shared')]
    if value == 'private':
        return [Condition('visibility', 'eq', 'private')]
    return [Condition('__imagetype', 'eq', value)]


def _time(name: str, value: str) -> Condition:
    operator, _, moment = value.partition(':')
    if operator in _TIME_OPERATORS:
        for time_format in _TIME_FORMATS:
            try:
                parsed = datetime.datetime.strptime(moment, time_format)
            except ValueError:
                continue
            return Condition(
                name,
                cast(Operator, operator),
                parsed.strftime('%Y-%m-%dT%H:%M:%SZ'),
            )
    raise ImsError(
        'IMG.0017',
        f"The value of {name} must be like gte:2018-10-28T10:00:00Z.",
    )


def _truth(name: str, value: str) -> bool:
    if value.lower() not in ('true', 'false'):
        raise ImsError(
            'IMG.0017', f"The value of {name} must be true or false."
        )
    return value.lower() == 'true'


def _check_choice(name: str, value: str) -> None:
    choices, code = CHOICES[name]
    if value not in choices:
        raise ImsError(
            code, f"The value of {name} must be one of {', '.join(choices)}."
        )


def _enterprise_project(value: str | None) -> list[Condition]:
    if value is None or value == 'all_granted_eps':
        return []
    wanted = rules.enterprise_project(value)
    if wanted != rules.DEFAULT_ENTERPRISE_PROJECT:
        return [Condition('enterprise_project_id', 'eq', wanted)]
    # Images that say nothing are in the default one.
    return [Condition('enterprise_project_id', 'in', (wanted, '', None))]
