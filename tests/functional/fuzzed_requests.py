# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody would write, to each operation of the emulator."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
import functools
import json
import math
import pathlib
import re
from typing import Any, TypeAlias
from urllib.parse import quote
from urllib.parse import quote_plus

from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map
from werkzeug.routing import Rule

from ims_ext.emulator.capabilities import CAPABILITIES
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import RegexConverter

#: Documented requests: method, path, body.
DOCUMENTED = json.loads(
    pathlib.Path(__file__)
    .parents[1]
    .joinpath('contract', 'examples.json')
    .read_text('utf-8')
)['requests']

#: What a variable of a path, or a member of a body, is to be.
KINDS = {
    'backup_id': 'backup',
    'bucket_url': 'url',
    'image_id': 'image',
    'image_url': 'url',
    'images': 'image',
    'instance_id': 'server',
    'kind': 'kind',
    'namespace': 'namespace',
    'store_id': 'store',
    'task_id': 'task',
    'uri': 'uri',
    'url': 'uri',
    'job_id': 'job',
    'key': 'tag',
    'member': 'project',
    'member_id': 'project',
    'project_id': 'project',
    'projects': 'project',
    'server_id': 'server',
    'tag': 'tag',
    'user_id': 'user',
    'volume_id': 'volume',
}

PLACEHOLDER = re.compile(
    r'<(?:path:|any\([a-z, ]+\):|regex\(".*?"\):)?([a-z_]+)>'
)

#: What somebody has, by kind.
Things: TypeAlias = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation as the emulator declares it.

    :ivar mount: The root of its service.
    :ivar method: The HTTP method.
    :ivar template: The path, with the names of its variables.
    """

    mount: str
    method: str
    template: str

    def __str__(self) -> str:
        return f'{self.method} /{self.mount}{self.template}'

    def path(self, value: Callable[[str], str]) -> str:
        """Return a path, quoted, with a value for each name."""
        return f'/{self.mount}' + PLACEHOLDER.sub(
            lambda match: quote(value(match[1]), safe=''), self.template
        )


@dataclasses.dataclass(frozen=True)
class Sent:
    """A request.

    :ivar target: Path and query, quoted.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def operations_of(capabilities: Iterable[object]) -> Iterator[Operation]:
    """Yield the operations of capabilities."""
    for capability in capabilities:
        mount = getattr(capability, 'mount', IMAGE)
        for name in dir(capability):
            handler = getattr(capability, name)
            for each in getattr(handler, 'operations', ()):
                yield Operation(mount, each.method, each.path)


OPERATIONS = sorted(operations_of(CAPABILITIES), key=str)


@functools.cache
def documented_bodies() -> dict[Operation, list[Any]]:
    """Return the bodies of the documented requests, by operation."""
    adapter = Map(
        [
            Rule(each.template, methods=[each.method], endpoint=each)
            for each in OPERATIONS
            if each.mount == IMAGE
        ],
        converters={'regex': RegexConverter},
    ).bind('localhost')
    bodies: dict[Operation, list[Any]] = {}
    for example in DOCUMENTED:
        path = example['path'].partition('?')[0]
        try:
            operation, _ = adapter.match(path, example['method'])
        except HTTPException:
            continue
        if example.get('body') is not None:
            bodies.setdefault(operation, []).append(example['body'])
    return bodies


def filled(
    value: Any, thing: Callable[[str, str], str], name: str = ''
) -> Any:
    """Return a documented body with things that there are.

    :param thing: Gives what is to be where the documentation has something,
        by the name of the member and the documented value.
    """
    if isinstance(value, dict):
        return {key: filled(inner, thing, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, thing, name) for inner in value]
    if isinstance(value, str) and name in KINDS:
        return thing(name, value)
    return value


# ====== ODD THINGS ======

ODD_TEXTS = st.one_of(
    st.sampled_from(
        [
            '',
            ' ',
            '.',
            '..',
            '../../etc/passwd',
            '0',
            '-1',
            'null',
            'x' * 300,
            'x' * 5000,
            '%',
            '%s',
            "'; DROP TABLE images; --",
            '<script>alert(1)</script>',
            'a=b',
            'a.b',
            '\0',
            '\n',
            '\ufeff',
            '\u202e',
            '\U0001f4be',
            'gte:2020-01-01T00:00:00Z',
            'in:a,b',
            '9' * 400,
        ]
    ),
    st.text(max_size=12),
)
ODD_VALUES = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            40,
            2**31,
            2**63,
            -(2**63) - 1,
            10**400,
            0.5,
            1e308,
            math.inf,
            math.nan,
            [],
            {},
            [None],
            [[]],
            {'': None},
            ['x'] * 200,
            [{}] * 3,
            '\ud800',
            functools.reduce(lambda inner, _: [inner], range(200), 'deep'),
        ]
    ),
    ODD_TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    ),
)
ODD_BODIES = st.sampled_from(
    [
        b'null',
        b'[]',
        b'{}',
        b'"text"',
        b'0',
        b'{',
        b'\xff\xfe{\x00}\x00',
        b'\xef\xbb\xbf{}',
        b'{"name": "\xff"}',
        b'[' * 50_000,
        b'{"a":' * 2_000,
        b'[' * 900 + b']' * 900,
        b'{"name": 1e999}',
        b'{"name": NaN}',
        b'<xml/>',
        b'data',
    ]
)
ODD_TYPES = st.sampled_from(
    [
        'application/json; charset=UTF-16',
        'application/octet-stream',
        'application/openstack-images-v2.1-json-patch',
        'application/openstack-images-v2.0-json-patch',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'text/plain; charset=nonsense',
        ';',
    ]
)
QUERY_NAMES = st.sampled_from(
    re.findall(
        r'\S+',
        """
        limit marker offset sort sort_key sort_dir name id status visibility
        owner tag member_status protected min_disk min_ram size_min size_max
        created_at updated_at changes-since os_hidden disk_format type
        __imagetype __isregistered __os_bit __os_type __platform
        __support_kvm __support_xen __whole_image __system__cmkid
        virtual_env_type flavor_id architecture enterprise_project_id
        image_type os_type detail nocatalog domain_id service_id interface
        """,
    )
)
GOOD_VALUES = st.sampled_from(
    ['1', '2', 'private', 'gold', 'shared', 'all', 'asc', 'name', 'true']
)


# ====== REQUESTS ======


def _seldom(draw: st.DrawFn, one_of: int) -> bool:
    """Draw whether something is to be odd."""
    return bool(draw(st.sampled_from([False] * (one_of - 1) + [True])))


@st.composite
def _things(draw: st.DrawFn, name: str, owners: list[Things]) -> str:
    """Draw what is in the place of a name: mostly something real."""
    if _seldom(draw, 6):
        return str(draw(ODD_TEXTS))
    owner = draw(st.sampled_from(owners))
    kind = KINDS.get(name)
    if kind in owner and not _seldom(draw, 8):
        return owner[kind]
    return str(draw(st.sampled_from(sorted(owner.values()))))


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something is in a JSON value."""
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*at, name))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*at, index))


def _replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """Return a JSON value with something else in one place."""
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = _replaced(copy[at[0]], at[1:], new)
    return copy


@st.composite
def _bodies(
    draw: st.DrawFn,
    operation: Operation,
    owners: list[Things],
    examples: Sequence[Any],
) -> bytes:
    """Draw a body: mostly a good one with something wrong in it."""
    if operation.method in ('GET', 'HEAD') and not _seldom(draw, 8):
        return b''
    if _seldom(draw, 10):
        return bytes(draw(ODD_BODIES))
    if not examples:
        return json.dumps(draw(ODD_VALUES)).encode()
    value = filled(
        draw(st.sampled_from(examples)),
        lambda name, _: draw(_things(name, owners)),
    )
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3]))):
        at = draw(st.sampled_from(list(_places(value))))
        new = draw(ODD_VALUES)
        if at and _seldom(draw, 6):
            # A member that is one too many.
            at, new = at[:-1], {str(at[-1]): new, 'more': new}
        value = _replaced(value, at, new)
    return json.dumps(value).encode()


@st.composite
def requests_to(
    draw: st.DrawFn,
    operation: Operation,
    token: str,
    owners: list[Things],
    bodies: Sequence[Any] | None = None,
) -> Sent:
    """Draw a request to an operation.

    :param token: The token of whoever sends it.
    :param owners: Things that are named in it, the sender's first.
    :param bodies: Good bodies; the documented ones where not given.
    """
    if bodies is None:
        bodies = documented_bodies().get(operation, [])

    def value(name: str) -> str:
        # No other project's is answered at all.
        if name == 'project_id' and not _seldom(draw, 8):
            return owners[0]['project']
        return str(draw(_things(name, owners)))

    target = operation.path(value)
    names = draw(st.lists(QUERY_NAMES | st.text(max_size=5), max_size=3))
    query = [
        f'{quote_plus(name)}={quote_plus(text)}'
        for name in names
        for text in [draw(GOOD_VALUES | _things(name, owners))]
    ]
    if query:
        target += '?' + '&'.join(query)
    headers = {
        'X-Auth-Token': token,
        'X-Subject-Token': draw(ODD_TEXTS.filter(_fits_a_header)),
        'Content-Type': 'application/json',
    }
    if _seldom(draw, 5):
        headers['Content-Type'] = draw(ODD_TYPES)
    if _seldom(draw, 40):
        headers['X-Auth-Token'] = draw(st.sampled_from(['', 'x' * 9999, 'ÿ']))
    body = draw(_bodies(operation, owners, bodies))
    return Sent(operation.method, target, headers, body)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()
