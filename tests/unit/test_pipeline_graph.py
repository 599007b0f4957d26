# SPDX-License-Identifier: Apache-2.0
"""A plan as a graph says what waits for what."""

import datetime
import re

import pytest

from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan
from ims_ext.pipeline.report import graph

DE = Item('debian', '2', 'de')
NL = Item('debian', '2', 'nl')
OLD = Item('debian', '1', 'de')
ACTIONS = (
    Action(Kind.MAKE, DE, 'new'),
    Action(Kind.MAKE, NL, 'copy from de', after=(DE,)),
    Action(Kind.SHARE, DE, 'share'),
    Action(Kind.PROMOTE, DE, 'x', details={'channel': 'prod'}),
    Action(Kind.DELETE, OLD, 'old'),
    Action(Kind.KEEP, Item('debian', '0', 'de'), 'in use'),
)


def plan(*actions: Action, name: str = 'platform') -> Plan:
    return Plan(name, datetime.datetime.now(datetime.UTC), actions)


def test_changes_are_connected_with_what_they_wait_for() -> None:
    found = {(one.id, two.id) for one, two in graph.arrows(plan(*ACTIONS))}

    assert found == {
        ('make:debian@2:de', 'make:debian@2:nl'),
        ('make:debian@2:de', 'promote:debian@2:de:prod'),
        ('promote:debian@2:de:prod', 'share:debian@2:de'),
        ('share:debian@2:de', 'delete:debian@1:de'),
    }


def test_graphviz_reads_it() -> None:
    text = '\n'.join(graph.lines(plan(*ACTIONS), graph.Language.DOT))

    assert text.startswith('digraph "platform" {')
    assert text.endswith('}')
    assert text.count('{') == text.count('}')
    assert 'label="promote debian@2 to prod"' in text
    assert text.count(' -> ') == 4
    assert 'debian@0' not in text


def test_mermaid_reads_it() -> None:
    text = '\n'.join(graph.lines(plan(*ACTIONS), graph.Language.MERMAID))

    assert text.startswith('flowchart LR\n')
    assert 'a0["make debian@2"]' in text
    assert text.count(' --> ') == 4
    assert text.count('subgraph') == text.count('  end') == 2


@pytest.mark.parametrize('language', list(graph.Language))
def test_strange_names_stay_texts(language: graph.Language) -> None:
    strange = Item('a"];b\\', '1\n2', 'x"]\nend')
    text = '\n'.join(
        graph.lines(plan(Action(Kind.MAKE, strange, 'new')), language)
    )

    (line,) = [each for each in text.splitlines() if 'a0' in each]
    label = re.search(r'"((?:[^"\\]|\\.)*)"', line)
    assert label is not None
    assert line.count('"') - label[1].count('\\"') == 2


@pytest.mark.parametrize('language', list(graph.Language))
def test_nothing_to_do_is_an_empty_graph(language: graph.Language) -> None:
    assert '->' not in '\n'.join(graph.lines(plan(), language))
