# SPDX-License-Identifier: Apache-2.0
"""Answers that nobody has documented: changed, cut, or something else."""

from collections.abc import Callable
import copy
import json
from typing import Any

from hypothesis import strategies as st

from .strange_cloud import IMS_URL
from .strange_cloud import Answer
from .strange_cloud import Make

_DEEP, _DEEPISH, _LONG, _LARGE = '@deep@', '@deepish@', '@long@', '@large@'
#: What JSON can say and Python's json cannot write.
_LITERALS = {
    f'"{_DEEP}"': '[' * 20_000 + ']' * 20_000,
    f'"{_DEEPISH}"': '[' * 700 + ']' * 700,
    f'"{_LONG}"': '7' * 5_000,
    f'"{_LARGE}"': '1e999',
}

JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2.5,
    10**30,
    float('nan'),
    float('inf'),
    '',
    'x',
    ' \t\n',
    '\ud800',
    '\x1b[31m\x00\u202e',
    'x' * 100_000,
    '/v2/images?marker=x',
    '2026-13-45T99:00:00Z',
    '0001-01-01T00:00:00+14:00',
    [],
    {},
    [None],
    [[]],
    ['x'],
    [{}],
    {'': None},
    {'self': 1, 'id': {}},
    {'connection': 1, 'location': 2, 'synchronized': 3},
    {'rel': 'next', 'href': 5},
    _DEEP,
    _DEEPISH,
    _LONG,
    _LARGE,
    '7' * 5_000,
    '²',
    'nan',
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where the parts of a body are: what leads to each."""
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def with_junk(body: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """Return a body with one part replaced, or removed for ``...``."""
    changed = copy.deepcopy(body)
    if junk is ...:
        return _remove(changed, place)
    return _replace(changed, place, copy.deepcopy(junk))


def _replace(body: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    parent = body
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = junk
    return body


def _remove(body: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return {}
    parent = body
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    return body


def to_json(body: Any) -> bytes:
    """Return a value as JSON, half characters and all."""
    text = json.dumps(body)
    for literal, written in _LITERALS.items():
        text = text.replace(literal, written)
    return text.encode()


#: Names that answers have here and there, beside the documented ones.
_NAMES = (
    'next',
    'links',
    'images_links',
    'page_info',
    'error',
    'error_msg',
    'error_code',
    'message',
    'code',
    'id',
    'job_id',
    'properties',
    'location',
    'connection',
    'project_id',
    'self',
    '\ud800',
    '',
)


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[Any], Any]:
    """Changes of a documented body: parts missing, changed or added."""
    numbers = st.integers(0, 10_000)
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(('remove', 'replace', 'replace', 'add')),
                numbers,
                st.sampled_from(JUNK),
                st.sampled_from(_NAMES),
            ),
            min_size=1,
            max_size=3,
        )
    )

    def mutate(body: Any) -> Any:
        changed = json.loads(json.dumps(body))
        for step, number, chosen, name in steps:
            junk = copy.deepcopy(chosen)
            found = places(changed)
            place = found[number % len(found)]
            if step == 'remove':
                changed = _remove(changed, place)
            elif step == 'replace':
                changed = _replace(changed, place, junk)
            elif isinstance(changed, dict):
                changed[name] = junk
        return changed

    return mutate


HTML = (
    b'<!DOCTYPE html><html><head><title>502</title><style>'
    + b'p { } ' * 50_000
    + b'</style></head><body>'
    + b'<p>Bad gateway</p>\n' * 50_000
    + b'</body></html>'
)

#: Bodies that are no JSON, or none that can be read.
BODIES: tuple[bytes, ...] = (
    b'',
    b' ',
    b'\0',
    b'null',
    b'true',
    b'7',
    b'"text"',
    b'[]',
    b'{}',
    b'[null]',
    b'{"a": 1, "a": 2}',
    b'{"images": [',
    b'{"id": NaN, "size": -Infinity}',
    b'\xef\xbb\xbf{"id": "x"}',
    '{"id": "größe"}'.encode('latin-1'),
    '{"id": "größe"}'.encode('utf-16'),
    b'\xff\xfe\xff',
    b'[' * 100_000,
    b'{"a":' * 50_000,
    b'<' * 300_000,
    b'<head' * 60_000,
    b'<p>' + b'a\n<b' * 60_000,
    b'\n'.join(b'<p>%d' % number for number in range(60_000)),
    HTML,
    b'7' * 10_000,
    b'\x1f\x8b\x08broken',
    bytes(range(256)) * 2_000,
)

#: Headers that answers may have.
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {'Content-Type': 'text/html'},
    {'Content-Type': 'application/json; charset=utf-16'},
    {'Content-Type': 'application/json; charset=undefined'},
    {'Content-Type': 'text/html; charset=idna'},
    {'Content-Type': 'application/json; charset=no\x00ne'},
    {'Content-Type': ''},
    {'Content-Type': 'application/octet-stream'},
    {'Content-Type': ';;;=,charset'},
    {'Content-Encoding': 'gzip'},
    {'Content-Encoding': 'deflate, br, strange'},
    {'Location': ''},
    {'Location': 'https://['},
    {'Location': f'{IMS_URL}/v2/images'},
    {'Location': 'ftp://example.com/'},
    {'Retry-After': '-1'},
    {'Retry-After': 'Sun, 99 Nov 1994'},
    {'Link': '<https://ims.example.com/v2/images>; rel="next"'},
    {'Link': ',;<>;=="'},
    {'X-Image-Meta-Id': '', 'X-Image-Meta-Size': 'x'},
    {'X-Image-Meta-Property-': '\xff', 'X-Image-Meta-': 'x'},
    {'X-Image-Meta-Connection': 'x', 'X-Image-Meta-Self': 'x'},
    {'X-Openstack-Request-Id': 'r' * 10_000},
    {'OpenStack-image-import-methods': ',,,'},
)

#: Statuses, the odd ones among them.
STATUSES: tuple[int | None, ...] = (
    None,
    None,
    None,
    *(200, 201, 202, 203, 204, 205, 206, 207, 226, 299),
    *(300, 301, 302, 303, 304, 305, 307, 308, 399),
    *(400, 401, 403, 404, 405, 409, 410, 411, 412, 413, 418, 429, 451, 499),
    *(500, 501, 502, 503, 504, 511, 599),
)


@st.composite
def strange_answers(draw: st.DrawFn) -> Make:
    """Answers with something strange of each kind, or of several."""
    status = draw(st.sampled_from(STATUSES))
    headers = draw(st.sampled_from(HEADERS))
    kind = draw(st.sampled_from(('mutated', 'mutated', 'body', 'cut')))
    mutate = draw(mutations())
    raw = draw(st.sampled_from(BODIES))
    length = draw(st.integers(0, 2_000))

    def make(documented_status: int, body: Any) -> Answer:
        content = to_json(mutate(body))
        if kind == 'body':
            content = raw
        elif kind == 'cut':
            content = to_json(body)[:length]
        return Answer(status, content, headers)

    return make
