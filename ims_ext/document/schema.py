# SPDX-License-Identifier: Apache-2.0
"""What in a document breaks a JSON Schema, said for whoever wrote it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
import difflib
import re
from typing import Any, TypeAlias

from ims_ext.document.reading import Document
from ims_ext.document.reading import Problem
from ims_ext.document.reading import ValuePath

#: jsonschema's errors; its types leave open whether they have attributes.
Broken: TypeAlias = Any

#: Shown of a value, and of a list of permitted ones.
_SHOWN = 60
_MOST_CHOICES = 20

_KINDS = {
    'string': "text",
    'integer': "a whole number",
    'number': "a number",
    'boolean': "true or false",
    'array': "a list",
    'object': "a mapping",
    'null': "nothing",
}


def problems(document: Document, schema: Mapping[str, Any]) -> list[Problem]:
    """Return all that breaks a schema, each with its place.

    A part of a schema may have ``errorMessage``: it is told for what breaks
    that part's ``pattern`` or ``format``.

    :param document: The document.
    :param schema: A JSON Schema, draft 2020-12.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(dict(schema))
    found: list[Problem] = []
    for error in validator.iter_errors(document.data):
        found += _told(document, error)
    return sorted(set(found))


def _told(document: Document, error: Broken) -> Iterator[Problem]:
    if error.validator in ('anyOf', 'oneOf') and error.context:
        yield from _nearest(document, error)
        return
    path = tuple(error.absolute_path)
    if 'propertyNames' in error.absolute_schema_path:
        key = str(error.instance)
        said = _own_words(error) or error.message
        yield Problem(
            document.key_place((*path, key)), f"the name {_short(key)} {said}"
        )
        return
    if error.validator == 'additionalProperties':
        yield from _keys(document, error, path)
        return
    say = _SAID.get(str(error.validator))
    message = say(document, error, path) if say else error.message
    yield document.problem(path, message)


def _nearest(document: Document, error: Broken) -> Iterator[Problem]:
    """Tell the faults of the alternative that was meant.

    That is the first whose type the value has; with several of them, the one
    whose faults lie deepest, then the one with the fewest.
    """
    branches: dict[Any, list[Broken]] = {}
    for each in error.context or ():
        branches.setdefault(each.relative_schema_path[0], []).append(each)
    fitting = [
        found
        for found in branches.values()
        if not any(
            each.validator == 'type' and not each.relative_path
            for each in found
        )
    ]
    if not fitting:
        kinds = [
            kind
            for found in branches.values()
            for each in found
            if each.validator == 'type' and not each.relative_path
            for kind in _several(each.validator_value)
        ]
        path = tuple(error.absolute_path)
        yield document.problem(path, _not_a_kind(document, path, kinds))
        return
    best = max(
        fitting,
        key=lambda found: (
            max(len(each.relative_path) for each in found),
            -len(found),
        ),
    )
    for each in best:
        yield from _told(document, each)


def _keys(
    document: Document, error: Broken, path: ValuePath
) -> Iterator[Problem]:
    allowed = list(error.schema.get('properties', ()))
    patterns = error.schema.get('patternProperties', ())
    for key in error.instance:
        if key in allowed or any(re.search(each, key) for each in patterns):
            continue
        yield Problem(
            document.key_place((*path, key)),
            f"{_short(key)} is not known here; {_advice(key, allowed)}",
        )


# ====== WORDS ======


def _type(document: Document, error: Broken, path: ValuePath) -> str:
    return _not_a_kind(document, path, _several(error.validator_value))


def _not_a_kind(
    document: Document, path: ValuePath, kinds: Iterable[str]
) -> str:
    wanted = list(dict.fromkeys(_KINDS[kind] for kind in kinds))
    written = document.written(path)
    message = f"{_name(path)} is {' or '.join(wanted)}"
    if 'text' in wanted and written:
        return f"{message}: write '{written[:_SHOWN]}', in quotes"
    return f"{message}, not {_found(document, path)}"


def _found(document: Document, path: ValuePath) -> str:
    """Return what a value is, as a sentence says it."""
    if written := document.written(path):
        return _short(written)
    value = document.data
    for each in path:
        value = value[each]
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "empty"
    return _KINDS['array' if isinstance(value, list) else 'object']


def _missing(document: Document, error: Broken, path: ValuePath) -> str:
    # One error a key: the message alone says which.
    names = [key for key in error.validator_value if key not in error.instance]
    return f"{_name(path)} has no {' and no '.join(names)}"


def _choice(document: Document, error: Broken, path: ValuePath) -> str:
    allowed = [str(each) for each in _several(error.validator_value)]
    return (
        f"{_name(path)} is not {_found(document, path)}; "
        f"{_advice(document.written(path) or '', allowed)}"
    )


def _pattern(document: Document, error: Broken, path: ValuePath) -> str:
    said = _own_words(error) or f"is written as {error.validator_value}"
    return f"{_name(path)} {said}, not {_short(error.instance)}"


def _least(document: Document, error: Broken, path: ValuePath) -> str:
    return (
        f"{_name(path)} is at least {error.validator_value}, "
        f"not {_short(error.instance)}"
    )


def _most(document: Document, error: Broken, path: ValuePath) -> str:
    return (
        f"{_name(path)} is at most {error.validator_value}, "
        f"not {_short(error.instance)}"
    )


def _length(document: Document, error: Broken, path: ValuePath) -> str:
    unit = {'L': "characters", 'I': "items", 'P': "entries"}[
        str(error.validator)[3]
    ]
    bound = "at most" if str(error.validator).startswith('max') else "at least"
    return (
        f"{_name(path)} has {bound} {error.validator_value} {unit}, "
        f"not {len(error.instance)}"
    )


def _twice(document: Document, error: Broken, path: ValuePath) -> str:
    return f"{_name(path)} names something twice"


_Say = Callable[[Document, Broken, ValuePath], str]

_SAID: dict[str, _Say] = {
    'type': _type,
    'required': _missing,
    'enum': _choice,
    'const': _choice,
    'pattern': _pattern,
    'format': _pattern,
    'minimum': _least,
    'exclusiveMinimum': _least,
    'maximum': _most,
    'exclusiveMaximum': _most,
    'minLength': _length,
    'maxLength': _length,
    'minItems': _length,
    'maxItems': _length,
    'minProperties': _length,
    'maxProperties': _length,
    'uniqueItems': _twice,
}


def _own_words(error: Broken) -> str | None:
    said = error.schema.get('errorMessage')
    return str(said) if said else None


def _name(path: ValuePath) -> str:
    """Return a value as a sentence names it."""
    if not path:
        return "the document"
    last = path[-1]
    if isinstance(last, int):
        return f"item {last + 1} of {_name(path[:-1])}"
    return last if last.strip() else f"the value of {last!r}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…')


def _advice(given: str, allowed: list[str]) -> str:
    if near := difflib.get_close_matches(given, allowed, 1, 0.6):
        return f"did you mean {near[0]}?"
    few = sorted(allowed)[:_MOST_CHOICES]
    more = ", …" if len(allowed) > len(few) else ""
    return f"there are {', '.join(few)}{more}" if few else "nothing is"


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
