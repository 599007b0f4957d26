# SPDX-License-Identifier: Apache-2.0
"""Texts, and values as JSON has them, without what is good for getting in."""

from collections.abc import Collection, Iterator, Mapping
import re
from typing import Any

from ims_ext.exceptions import masking

HIDDEN = '***'

#: Characters of a known secret below which it is not looked for in texts: it
#: would be found in words.
_SHORTEST = 6

#: Letters that a secret has at least which is known by its look alone.
_SHORTEST_TELLING = 20

_NAMES = (
    r'pass(?:word|wd|code|phrase)?|adminpass|secret[\w-]*|[\w-]*secret'
    r'|[\w-]*(?:pass(?:word|wd|code|phrase)|secret[_-]?(?:access[_-]?)?key)'
    r'|(?:[\w-]*[_-])?token|[\w-]*security[_-]?token|[\w-]*signature|sig|sk|ak'
    r'|(?:aws)?[\w-]*access[_-]?key(?:[_-]?id)?|api[_-]?key|private[_-]?key'
    r'|x-amz-credential|credential'
)
_NAME = re.compile(_NAMES, re.I)

_HEADERS = '|'.join(map(re.escape, masking.SECRET_HEADERS))

#: What comes before the secret, the secret itself, and what replaces it.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r'-----BEGIN [A-Z ]*PRIVATE KEY-----'
            r'.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)',
            re.DOTALL,
        ),
        HIDDEN,
    ),
    # A header as it is sent, and as Python and JSON show it.
    (
        re.compile(
            rf"""((?<![\w-])(?:{_HEADERS})["']?\s*[:=]\s*b?)"""
            r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\r\n"']+)""",
            re.I,
        ),
        rf'\1{HIDDEN}',
    ),
    # The user and the password of an address.
    (
        re.compile(r'(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]*@', re.I),
        rf'\1{HIDDEN}@',
    ),
    # A parameter of a query.
    (
        re.compile(rf'([?&;](?:{_NAMES})=)[^&;#\s"\'<>]*', re.I),
        rf'\1{HIDDEN}',
    ),
    # "password": "x", secret_key='x', --os-password x, token: x
    (
        re.compile(
            rf"""((?<![\w-])["']?(?:--[\w-]*?)?(?:os[_-])?(?:{_NAMES})["']?"""
            r"""\s*[:=]\s*)"""
            r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s,;&"'<>(){}\[\]]+)""",
            re.I,
        ),
        rf'\1{HIDDEN}',
    ),
    (
        re.compile(
            r'(--[\w-]*(?:pass(?:word)?|secret|token)[\w-]*\s+)'
            r'(?!-)("[^"]*"|\'[^\']*\'|\S+)',
            re.I,
        ),
        rf'\1{HIDDEN}',
    ),
    (
        re.compile(
            r'\b(Bearer|Basic|OBS|AWS)\s+[A-Za-z0-9._~+/:-]{12,}=*', re.I
        ),
        rf'\1 {HIDDEN}',
    ),
    # Tokens that are recognised by themselves: Fernet's, JSON web tokens,
    # access keys.
    (re.compile(r'(?<![\w-])gAAAAA[\w-]{20,}=*'), HIDDEN),
    (re.compile(r'(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)*'), HIDDEN),
    (re.compile(r'\b(?:AKIA|ASIA)[0-9A-Z]{16}\b'), HIDDEN),
    (re.compile(r'\bMII[A-Za-z0-9+/-]{200,}=*'), HIDDEN),
)


def masked(value: Any, known: Collection[str] = ()) -> Any:
    """Return a value without secrets.

    :param value: A text, or a value as JSON has it; it stays as it is.
    :param known: Secrets that are known, to be hidden wherever they are.
    """
    if isinstance(value, str):
        return _masked_text(value, known)
    if isinstance(value, Mapping):
        return {
            masked(str(name), known): (
                HIDDEN
                if isinstance(content, str) and content and is_secret(name)
                else masked(content, known)
            )
            for name, content in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(each, known) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _masked_text(str(value), known)


def is_secret(name: object) -> bool:
    """Say whether what has this name is good for getting in.

    :param name: The name of a setting, a field or a header.
    """
    text = str(name)
    return bool(_NAME.fullmatch(text)) or any(
        text.lower() == each.lower() for each in masking.SECRET_HEADERS
    )


def secrets_in(settings: Any) -> Iterator[str]:
    """Give the secrets that settings hold.

    :param settings: The settings: a cloud's entry, the environment.
    """
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            plain = str(name).lower().removeprefix('os_')
            if isinstance(value, str):
                if is_secret(plain) and len(value) >= _SHORTEST:
                    yield value
            else:
                yield from secrets_in(value)
    elif isinstance(settings, list | tuple):
        for each in settings:
            yield from secrets_in(each)


def _masked_text(text: str, known: Collection[str]) -> str:
    for secret in known:
        if len(secret) >= _SHORTEST and secret in text:
            text = text.replace(secret, HIDDEN)
    if len(text) < _SHORTEST_TELLING and text.isidentifier():
        # A name, as of most fields: nothing in it leads to a secret.
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
