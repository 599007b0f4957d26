# SPDX-License-Identifier: Apache-2.0
"""Faults as values: what is to go wrong, how often, and with which requests.

A fault has a text form, which ``--fault``, the control route and
:attr:`EmulatorServer.faults <ims_ext.emulator.server.EmulatorServer>` take:
``NAME=VALUE`` pairs with commas between them. One pair says what goes wrong:

* ``status=503``: a refusal with that status;
* ``cut=before``, ``cut=middle``, ``cut=after``: the connection ends before
  the request has been processed, in the middle of the answer, or after the
  request has been processed and before any of the answer is sent;
* ``slow=2.5``: a delay, in seconds;
* ``body=truncated``, ``garbage``, ``html``, ``empty``: a damaged answer; of a
  refusal also ``text``, ``wrapped``, ``flat``, ``listed``: other shapes;
* ``request-id=request_id``: refusals whose body has the request's ID, too;
* ``token-seconds=5``: tokens that end early;
* ``job=hang``, ``job=fail``: jobs that never end, or end badly;
* ``job=untold``: jobs that end well, and do not tell their images;
* ``upload=killed``: images whose uploaded data the service cannot take;
* ``imports=2``: a limit on the imports that a project has at a time.

The others say more of it, or limit it; :data:`OPTIONS` has those that go
with each.
"""

from collections.abc import Callable, Iterable
import dataclasses
import difflib
import fnmatch
import re
from typing import NoReturn

from ims_ext.error_codes import catalogue

#: The services whose requests can go wrong, as ``on=`` names them.
SERVICES = (
    'image',
    'identity',
    'compute',
    'block-storage',
    'key-management',
    'backup',
    'bucket',
)

#: What an answer's body may be replaced with.
DAMAGES = ('truncated', 'garbage', 'html', 'empty')
#: The shapes that a refusal may have beside its service's own.
SHAPES = ('text', 'wrapped', 'flat', 'listed')

_LIMITS = ('rate', 'after', 'count')
_REQUEST = (*_LIMITS, 'on', 'method', 'path', 'query')

#: What goes wrong, and which pairs may say more of it.
OPTIONS: dict[str, tuple[str, ...]] = {
    'status': (*_REQUEST, 'effect', 'retry-after', 'code', 'body', 'above'),
    'cut': _REQUEST,
    'slow': (*_REQUEST, 'effect'),
    'body': (*_REQUEST, 'above'),
    'request-id': _REQUEST,
    'token-seconds': _LIMITS,
    'job': (*_LIMITS, 'code'),
    'upload': _LIMITS,
    'imports': _LIMITS,
}


def _choice(*allowed: str) -> tuple[Callable[[str], bool], str]:
    return allowed.__contains__, ', '.join(allowed)


def _some_of(*allowed: str) -> tuple[Callable[[str], bool], str]:
    return (
        lambda value: set(value.split('+')) <= set(allowed),
        f"{', '.join(allowed)}, or several with + between them",
    )


def _number(high: float) -> tuple[Callable[[str], bool], str]:
    def check(value: str) -> bool:
        try:
            return 0 < float(value) <= high
        except ValueError:
            return False

    return check, f"a number above 0, up to {high:g}"


def _matching(pattern: str, allowed: str) -> tuple[Callable[[str], bool], str]:
    return lambda value: re.fullmatch(pattern, value) is not None, allowed


def _anything() -> tuple[Callable[[str], bool], str]:
    return lambda value: True, ''


#: Whether a value is allowed for a name, and in words what is.
_VALUES: dict[str, tuple[Callable[[str], bool], str]] = {
    'status': _matching('200|[45][0-9][0-9]', "a status from 400 to 599"),
    'cut': _choice('before', 'middle', 'after'),
    'slow': _number(3600),
    'body': _choice(*DAMAGES, *SHAPES),
    'token-seconds': _number(86400),
    'job': _choice('hang', 'fail', 'untold'),
    'upload': _choice('killed'),
    'request-id': _choice('request_id', 'requestId', 'RequestId'),
    'imports': _matching('[1-9][0-9]{0,3}', "a whole number from 1"),
    'above': _matching('[0-9]{1,9}', "a whole number of bytes"),
    'rate': _number(1),
    'after': _matching('[0-9]{1,9}', "a whole number"),
    'count': _matching('[1-9][0-9]{0,8}', "a whole number from 1"),
    'on': _some_of(*SERVICES),
    'method': _matching(
        r'[A-Z]+(\+[A-Z]+)*', "methods in capitals, with + between them"
    ),
    'path': _anything(),
    'query': _anything(),
    'effect': _choice('before', 'after'),
    'retry-after': _matching('[0-9]{1,5}', "a whole number of seconds"),
    'code': _matching('[A-Za-z0-9.]{1,64}', "letters, digits and dots"),
}


class FaultError(ValueError):
    """A text that says no fault, with what would."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that is to go wrong; :meth:`parse` makes them.

    :ivar text: The text form, as given.
    :ivar kind: What goes wrong; a key of :data:`OPTIONS`.
    :ivar value: The kind's own value: ``503``, ``before``, ``2.5`` ...
    :ivar rate: How many of the requests it befalls, from 0 to 1.
    :ivar after: How many requests that it could befall pass before.
    :ivar count: How often it happens at most, or ``None``.
    :ivar on: The services it befalls; none means all.
    :ivar methods: The methods it befalls; none means all.
    :ivar path: A pattern for the documented path, or ``None``: ``*`` for
        anything, ``?`` for a character.
    :ivar query: A pattern for the query, as sent, or ``None``.
    :ivar has_effect: Whether the request is processed before the fault.
    :ivar retry_after: Seconds, for the header of that name, or ``None``.
    :ivar code: The code to refuse or fail with, or ``None``.
    :ivar body: What is sent in place of the answer's body, or ``None``.
    :ivar above: The size, in bytes, that an answer's body is larger than, or
        ``None`` for any.
    :ivar status: The status to answer with, or ``None`` for the real one.
    """

    text: str
    kind: str
    value: str
    rate: float = 1.0
    after: int = 0
    count: int | None = None
    on: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    path: str | None = None
    query: str | None = None
    has_effect: bool = False
    retry_after: int | None = None
    code: str | None = None
    body: str | None = None
    status: int | None = None
    above: int | None = None

    @classmethod
    def parse(cls, text: str) -> 'Fault':
        """Return the fault that a text says.

        :param text: For example ``status=503,rate=0.1,method=POST``.
        :raises: :class:`FaultError`, which says what is allowed.
        """
        pairs = _pairs(text)
        kind = _kind(pairs, text)
        for name, value in pairs.items():
            _check(kind, name, value, text)
        _check_together(kind, pairs, text)
        count = pairs.get('count')
        retry_after = pairs.get('retry-after')
        status = pairs.get('status')
        above = pairs.get('above')
        return cls(
            text=text,
            kind=kind,
            value=pairs[kind],
            rate=float(pairs.get('rate', 1)),
            after=int(pairs.get('after', 0)),
            count=None if count is None else int(count),
            on=_several(pairs, 'on'),
            methods=_several(pairs, 'method'),
            path=pairs.get('path'),
            query=pairs.get('query'),
            has_effect=_has_effect(kind, pairs),
            retry_after=None if retry_after is None else int(retry_after),
            code=pairs.get('code'),
            body=pairs.get('body'),
            status=None if status is None else int(status),
            above=None if above is None else int(above),
        )

    def __str__(self) -> str:
        return self.text

    def befalls(
        self, service: str, method: str, path: str, query: str
    ) -> bool:
        """Return whether a request is one that this can go wrong with.

        :param service: One of :data:`SERVICES`.
        :param method: The HTTP method.
        :param path: The path, from the service's root.
        :param query: The query, as sent.
        """
        return (
            (not self.on or service in self.on)
            and (not self.methods or method in self.methods)
            and (self.path is None or fnmatch.fnmatchcase(path, self.path))
            and (self.query is None or fnmatch.fnmatchcase(query, self.query))
        )


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(','):
        name, equals, value = (each.strip() for each in part.partition('='))
        if not name or not equals or not value:
            raise FaultError(
                f"{part.strip()!r} in the fault {text!r} is not NAME=VALUE"
            )
        if name in pairs:
            raise FaultError(f"The fault {text!r} has {name!r} twice")
        pairs[name] = value
    return pairs


def _kind(pairs: dict[str, str], text: str) -> str:
    kinds = [name for name in pairs if name in OPTIONS]
    # A refusal can have a damaged body.
    if set(kinds) == {'status', 'body'}:
        return 'status'
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        raise FaultError(
            f"The fault {text!r} has {' and '.join(kinds)}; give them as "
            "faults of their own"
        )
    raise FaultError(
        f"The fault {text!r} does not say what goes wrong: it needs one of "
        f"{_names(OPTIONS)}{_hint(pairs, OPTIONS)}"
    )


def _check(kind: str, name: str, value: str, text: str) -> None:
    """Refuse a pair that does not go with a kind of fault.

    :raises: :class:`FaultError`
    """
    allowed = (kind, *OPTIONS[kind])
    if name not in allowed:
        raise FaultError(
            f"{name!r} does not go with {kind}= in the fault {text!r}; "
            f"allowed: {_names(allowed)}{_hint([name], allowed)}"
        )
    is_allowed, words = _VALUES[name]
    if not is_allowed(value):
        _refuse_value(name, value, text, words)


def _names(names: Iterable[str]) -> str:
    return ', '.join(f'{each}=' for each in names)


def _hint(names: Iterable[str], known: Iterable[str]) -> str:
    for name in names:
        for close in difflib.get_close_matches(name, known, 1):
            return f"; did you mean {close}=?"
    return ""


def _check_together(kind: str, pairs: dict[str, str], text: str) -> None:
    """Refuse values that are allowed, but not with the others."""
    if kind == 'job' and 'code' in pairs:
        code = pairs['code']
        if pairs['job'] != 'fail':
            _refuse_value('code', code, text, "only with job=fail")
        if code not in catalogue:
            _refuse_value('code', code, text, "a code like IMG.0061")
    if 'above' in pairs and pairs.get('effect') == 'before':
        _refuse_value('effect', 'before', text, "only after, with above=")
    status = int(pairs.get('status', 500))
    if pairs.get('body') in SHAPES and (kind != 'status' or status < 400):
        _refuse_value(
            'body', pairs['body'], text, "only with a refusal's status="
        )
    if status < 400 and 'body' not in pairs:
        _refuse_value(
            'status',
            str(status),
            text,
            "a status from 400 to 599, or 200 together with body=",
        )


def _refuse_value(name: str, value: str, text: str, allowed: str) -> NoReturn:
    raise FaultError(
        f"{name}={value} in the fault {text!r} is not allowed; "
        f"allowed: {allowed}"
    )


def _several(pairs: dict[str, str], name: str) -> frozenset[str]:
    return frozenset(pairs[name].split('+')) if name in pairs else frozenset()


def _has_effect(kind: str, pairs: dict[str, str]) -> bool:
    if kind == 'cut':
        return pairs['cut'] != 'before'
    if kind == 'body' or 'above' in pairs:
        return True
    return pairs.get('effect', 'before') == 'after'
