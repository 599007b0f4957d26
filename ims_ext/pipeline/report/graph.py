# SPDX-License-Identifier: Apache-2.0
"""A plan as a graph: what waits for what, for Graphviz and Mermaid."""

from collections.abc import Callable, Iterator, Mapping
import enum
import itertools

from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan

#: The order of what is done with one image at one target.
_ORDER = (
    Kind.ADOPT,
    Kind.MAKE,
    Kind.CHANGE,
    Kind.PROMOTE,
    Kind.SHARE,
    Kind.ACCEPT,
)
_RETIRING = frozenset({Kind.DEPRECATE, Kind.DELETE})


class Language(enum.StrEnum):
    """What a graph is written in."""

    DOT = 'dot'
    MERMAID = 'mermaid'


def lines(plan: Plan, language: Language = Language.DOT) -> Iterator[str]:
    """Give the lines of a plan's graph: its changes, by target.

    :param plan: The plan.
    :param language: What to write it in.
    """
    yield from _WRITERS[language](plan)


def arrows(plan: Plan) -> Iterator[tuple[Action, Action]]:
    """Give which change comes right before which.

    :param plan: The plan.
    """
    made: dict[Item, Action] = {}
    places: dict[tuple[str, str], list[Action]] = {}
    for each in plan.changes:
        if each.kind is Kind.MAKE:
            made[each.item] = each
        places.setdefault((each.item.image, each.item.target), []).append(each)
    for each in plan.changes:
        for item in each.after:
            if item in made and item != each.item:
                yield made[item], each
    for actions in places.values():
        versions: dict[str, list[Action]] = {}
        for each in actions:
            if each.kind not in _RETIRING:
                versions.setdefault(each.item.version, []).append(each)
        for row in versions.values():
            row.sort(key=lambda each: _ORDER.index(each.kind))
            yield from itertools.pairwise(row)
        for retiring in (each for each in actions if each.kind in _RETIRING):
            for row in versions.values():
                yield row[-1], retiring


def _dot(plan: Plan) -> Iterator[str]:
    yield f'digraph {_quoted(plan.pipeline)} {{'
    yield '  rankdir=LR;'
    yield '  node [shape=box, style=rounded, fontname="sans-serif"];'
    names = _names(plan)
    for number, (target, actions) in enumerate(_by_target(plan).items()):
        yield f'  subgraph cluster_{number} {{'
        yield f'    label={_quoted(target)};'
        for each in actions:
            yield f'    {names[each.id]} [label={_quoted(_label(each))}];'
        yield '  }'
    for first, second in dict.fromkeys(_ids(plan)):
        yield f'  {names[first]} -> {names[second]};'
    yield '}'


def _mermaid(plan: Plan) -> Iterator[str]:
    yield 'flowchart LR'
    names = _names(plan)
    for number, (target, actions) in enumerate(_by_target(plan).items()):
        yield f'  subgraph t{number}["{_entities(target)}"]'
        for each in actions:
            yield f'    {names[each.id]}["{_entities(_label(each))}"]'
        yield '  end'
    for first, second in dict.fromkeys(_ids(plan)):
        yield f'  {names[first]} --> {names[second]}'


_WRITERS: dict[Language, Callable[[Plan], Iterator[str]]] = {
    Language.DOT: _dot,
    Language.MERMAID: _mermaid,
}


def _ids(plan: Plan) -> Iterator[tuple[str, str]]:
    return ((first.id, second.id) for first, second in arrows(plan))


def _names(plan: Plan) -> Mapping[str, str]:
    return {each.id: f'a{n}' for n, each in enumerate(plan.changes)}


def _by_target(plan: Plan) -> dict[str, list[Action]]:
    found: dict[str, list[Action]] = {}
    for each in plan.changes:
        found.setdefault(each.item.target, []).append(each)
    return found


def _label(action: Action) -> str:
    channel = action.details.get('channel')
    to = f' to {channel}' if channel else ''
    return f'{action.kind} {action.item.label}{to}'


def _quoted(text: str) -> str:
    plain = text.replace('\\', '\\\\').replace('"', '\\"')
    return f'"{" ".join(plain.split())}"'


def _entities(text: str) -> str:
    return ''.join(
        each if each.isalnum() or each in ' @._-:/' else f'#{ord(each)};'
        for each in text
    )
