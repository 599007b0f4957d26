# SPDX-License-Identifier: Apache-2.0
"""YAML files that people write are data, and each fault has its place."""

import copy
import pickle
import re
from typing import Any

import hypothesis
from hypothesis import strategies as st
import pytest
import yaml

from ims_ext import document
from ims_ext.document import reading
from ims_ext.document import schema

SCHEMA = {
    'type': 'object',
    'additionalProperties': False,
    'required': ['name'],
    'properties': {
        'name': {
            'type': 'string',
            'pattern': '^[a-z]+$',
            'errorMessage': "has small letters only",
        },
        'size': {'type': 'integer', 'minimum': 1, 'maximum': 9},
        'kind': {'enum': ['public', 'private']},
        'tags': {
            'type': 'array',
            'items': {'type': 'string'},
            'uniqueItems': True,
            'maxItems': 2,
        },
        'source': {
            'anyOf': [
                {'type': 'string', 'minLength': 3},
                {
                    'type': 'object',
                    'additionalProperties': False,
                    'required': ['url'],
                    'properties': {'url': {'type': 'string'}},
                },
            ]
        },
    },
}


def faults(text: str | bytes) -> list[str]:
    """Return what is said of a text that has faults."""
    with pytest.raises(reading.DocumentError) as refused:
        reading.read(text, 'a.yaml')
    return str(refused.value).splitlines()


def broken(text: str) -> list[str]:
    """Return what is said of a text that breaks the schema."""
    found = schema.problems(reading.read(text, 'a.yaml'), SCHEMA)
    return [str(each) for each in found]


def test_a_document_is_its_data_and_knows_the_places() -> None:
    found = reading.read('a:\n  - x\n  - {b: 2, c: null}\n', 'a.yaml')

    assert found.data == {'a': ['x', {'b': 2, 'c': None}]}
    assert str(found.place(('a', 1, 'b'))) == 'a.yaml:3:9'
    assert str(found.key_place(('a', 1, 'b'))) == 'a.yaml:3:6'
    assert str(found.place(('a', 1, 'nothing'))) == 'a.yaml:3:5'
    assert found.written(('a', 1, 'b')) == '2'


def test_a_date_is_the_text_that_is_written() -> None:
    found = reading.read('2026-11-01: 2026-11-02', 'a.yaml')

    assert found.data == {'2026-11-01': '2026-11-02'}


def test_an_empty_document_is_nothing() -> None:
    assert reading.read('# later\n', 'a.yaml').data is None


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('a: 1\nb: 2\na: 3', "a.yaml:3:1: 'a' for the second time"),
        ('a:\n\tb: 1', 'a.yaml:2:1: a tab'),
        ('a: &x [*x]', 'a.yaml:1:4: a value that contains itself'),
        ('a: &x {b: 1}\nc:\n  <<: *x', 'a.yaml:3:3: merge keys'),
        ('a: !!python/object:os.system ls', 'a.yaml:1:4: the tag'),
        ('a: !x 1', 'a.yaml:1:4: the tag !x is not known'),
        ('20261101: 1', "a.yaml:1:1: the key 20261101 is a number"),
        ('no: 1', "a.yaml:1:1: the key no is true or false"),
        ('[a]: 1', 'a.yaml:1:1: a list or mapping as a key'),
        ('a: .nan', 'a.yaml:1:4: .nan is no number'),
        ('a: -.inf', 'a.yaml:1:4: -.inf is no number'),
        ('a: [1', 'a.yaml:'),
        ('a: *nobody', 'a.yaml:1:4: '),
        ('a: 1\n---\nb: 2', 'a.yaml:2:1: '),
        ('a: "\x00"', 'a.yaml:1:5: a character'),
        (b'a: 1\nb: \xff', 'a.yaml:2:4: '),
        (b'\xff\xfea', 'a.yaml:1:'),
        ('[' * 33 + ']' * 33, 'a.yaml:1:33: more than 32 levels'),
        ('[' * 100000, 'a.yaml:1:'),
        ('- ' * 100000, 'a.yaml:1:'),
        ('- ' * 40 + 'x', 'a.yaml:1:'),
        ('a: !!int x', "a.yaml:1:4: 'x' is no int"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str | bytes, said: str) -> None:
    assert faults(text)[0].startswith(said)


def test_all_faults_are_told_at_once_in_order() -> None:
    found = faults('a: .nan\nb: {c: 1, c: 2}\nno: 1\n')

    assert [each.split(': ')[0] for each in found] == [
        'a.yaml:1:4',
        'a.yaml:2:11',
        'a.yaml:3:1',
    ]


def test_aliases_do_not_make_a_small_text_large() -> None:
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for level in range(1, 12):
        names = ', '.join([f'*a{level - 1}'] * 10)
        lines.append(f'a{level}: &a{level} [{names}]')

    assert 'aliases repeated' in faults('\n'.join(lines))[0]


def test_a_large_text_is_refused_unread() -> None:
    assert 'larger than' in faults(b' ' * (reading.LARGEST_FILE + 1))[0]


def test_aliases_are_copies() -> None:
    found = reading.read('a: &x [1]\nb: *x\n', 'a.yaml').data

    found['a'].append(2)
    assert found['b'] == [1]


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('name: x\nsise: 3', "a.yaml:2:1: 'sise' is not known here; did"),
        ('{}', 'a.yaml:1:1: the document has no name'),
        ('name: X', "a.yaml:1:7: name has small letters only, not 'X'"),
        ('name: 12', "a.yaml:1:7: name is text: write '12', in quotes"),
        ('name:', 'a.yaml:1:6: name is text, not nothing'),
        ('name: [x]', 'a.yaml:1:7: name is text, not a list'),
        ('name: x\nsize: 0', "a.yaml:2:7: size is at least 1, not '0'"),
        ('name: x\nsize: 11', "a.yaml:2:7: size is at most 9, not '11'"),
        ('name: x\nsize: two', "a.yaml:2:7: size is a whole number, not"),
        ('name: x\nkind: publik', "a.yaml:2:7: kind is not 'publik'; did"),
        ('name: x\ntags: [a, a]', 'a.yaml:2:7: tags names something twice'),
        ('name: x\ntags: [a, b, c]', 'a.yaml:2:7: tags has at most 2 items'),
        ('name: x\ntags: [a, 1]', 'a.yaml:2:11: item 2 of tags is text:'),
        ('name: x\nsource: []', 'a.yaml:2:9: source is text or a mapping'),
        ('name: x\nsource: ab', 'a.yaml:2:9: source has at least 3'),
        ('name: x\nsource: {}', 'a.yaml:2:9: source has no url'),
        ('name: x\nsource: {url: 1}', 'a.yaml:2:15: url is text: write'),
        (
            'name: x\nsource: {url: x, ulr: x}',
            "a.yaml:2:18: 'ulr' is not known here; did you mean url?",
        ),
        ('[]', 'a.yaml:1:1: the document is a mapping, not a list'),
        ('', 'a.yaml:1:1: the document is a mapping, not nothing'),
    ],
)
def test_what_breaks_a_schema_is_told_with_its_place(
    text: str, said: str
) -> None:
    assert broken(text)[0].startswith(said)


def test_a_document_in_order_breaks_nothing() -> None:
    assert broken('name: x\nsize: 3\nsource: {url: y}') == []


def test_the_error_is_the_same_in_another_process() -> None:
    with pytest.raises(reading.DocumentError) as refused:
        reading.read('a: .nan', 'a.yaml')

    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value)
    assert again.problems == copy.deepcopy(again).problems
    assert document.__doc__


#: YAML's versions differ on what else ends a line.
TEXTS = st.text(
    st.characters(
        exclude_characters='\x85\u2028\u2029', exclude_categories=('Cs',)
    )
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)


@hypothesis.given(value=VALUES)
@hypothesis.settings(max_examples=300, deadline=None)
def test_data_that_was_written_is_read_again(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)

    assert reading.read(text, 'a.yaml').data == value


@hypothesis.given(text=st.text() | st.binary())
@hypothesis.settings(max_examples=500, deadline=None)
def test_any_text_is_data_or_has_a_readable_fault(text: str | bytes) -> None:
    try:
        found = reading.read(text, 'a.yaml')
    except reading.DocumentError as error:
        for line in str(error).split('\n'):
            assert re.match(r'a\.yaml:\d+:\d+: \S', line)
            assert line.isprintable()
    else:
        schema.problems(found, SCHEMA)
