# SPDX-License-Identifier: Apache-2.0
"""Whatever is typed, and whatever is shown, a command ends in good order.

That is: it does what it is for, or says in one readable message what is
wrong; and what it shows of a strange answer fits into a terminal.
"""

import argparse
from importlib import metadata
import io
import types
from typing import Any
import warnings

import hypothesis
from hypothesis import strategies as st
from osc_lib import exceptions as osc_exceptions
import pytest

from ims_ext import objectstore
from ims_ext import reconcile
from ims_ext.cli.command import Lister
from ims_ext.cli.command import ShowOne

from . import strange_answer
from . import strange_cloud
from .strange_cloud import IMAGE_ID
from .strange_cloud import JOB_ID
from .strange_cloud import PROJECT_ID
from .test_strange_answers import check_message

COMMANDS = {
    each.name: each
    for each in sorted(
        metadata.entry_points(group='openstack.ims.v2'),
        key=lambda entry_point: entry_point.name,
    )
}

#: A natural call of each command, or several.
CALLS: dict[str, list[list[str]]] = {
    'ims_image_copy': [[IMAGE_ID, 'copy', '--wait']],
    'ims_image_create': [
        ['--object', 'bucket:key', '--min-disk', '40', 'image'],
        ['--server', IMAGE_ID, '--wait', 'image'],
        ['--volume', IMAGE_ID, '--os-version', 'Other(64 bit) 64bit', 'x'],
        ['--file', '/dev/null', 'image'],
    ],
    'ims_image_delete': [[IMAGE_ID]],
    'ims_image_export': [[IMAGE_ID, '--object', 'bucket:key', '--wait']],
    'ims_image_list': [[], ['--long'], ['--count'], ['--tag', 'a=b']],
    'ims_image_member_add': [[IMAGE_ID, '--project', PROJECT_ID, '--wait']],
    'ims_image_member_list': [[IMAGE_ID]],
    'ims_image_member_remove': [[IMAGE_ID, '--project', PROJECT_ID]],
    'ims_image_member_set': [[IMAGE_ID, '--accept', '--wait']],
    'ims_image_member_show': [[IMAGE_ID, PROJECT_ID]],
    'ims_image_register': [[IMAGE_ID, '--object', 'bucket:key', '--wait']],
    'ims_image_set': [[IMAGE_ID, '--name', 'other', '--property', 'a=b']],
    'ims_image_show': [[IMAGE_ID]],
    'ims_image_tag_add': [[IMAGE_ID, 'a=b'], [IMAGE_ID, 'a=b', 'c']],
    'ims_image_tag_list': [[IMAGE_ID]],
    'ims_image_tag_remove': [[IMAGE_ID, 'a'], [IMAGE_ID, 'a', 'c']],
    'ims_image_unset': [[IMAGE_ID, '--description', '--property', 'a']],
    'ims_job_show': [[JOB_ID], [JOB_ID, '--progress']],
    'ims_job_wait': [[JOB_ID]],
    'ims_os_version_list': [['--tag', 'kvm']],
    'ims_quota_show': [[]],
    'ims_schema_show': [['image']],
    'ims_tag_list': [[], ['--search', 'status=active']],
    'ims_version_list': [[]],
    'ims_version_show': [['v2']],
}

WORDS = (
    '',
    ' ',
    '--',
    '-1',
    'nan',
    '²',
    '7' * 5_000,
    'x' * 10_000,
    '=',
    'a=b=c',
    'a=b,c=d',
    ':',
    'bucket:',
    '..',
    'a/b?c#d',
    '\udcff',
    '\x00',
    '\x1b[2J',
    'a\nb',
    '/dev/zero',
    __file__,
)

FORMATS = ('table', 'json', 'yaml', 'value', 'csv', 'shell')


@pytest.fixture(autouse=True, scope='module')
def _without_pauses() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconcile, '_sleep', lambda seconds: None)
        # The bucket side is another service: there is no such object.
        patch.setattr(
            objectstore.ObjectStore, 'age', lambda self, bucket, key: None
        )
        yield


def run(name: str, argv: list[str]) -> str:
    """Run a command; return what it shows."""
    conn, _ = strange_cloud.strange_cloud()
    shown = io.BytesIO()
    app = types.SimpleNamespace(
        client_manager=types.SimpleNamespace(
            ims=conn.ims, sdk_connection=conn
        ),
        # As strict as the one that Python has for a terminal.
        stdout=io.TextIOWrapper(shown, 'utf-8', write_through=True),
        stdin=io.StringIO(),
        options=types.SimpleNamespace(debug=False),
    )
    command: Any = COMMANDS[name].load()(app, None)
    parser: argparse.ArgumentParser = command.get_parser(name)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            parsed = parser.parse_args(argv)
        except SystemExit as end:
            if end.code != 2:
                raise
            return ''
        try:
            command.run(parsed)
        except osc_exceptions.CommandError as error:
            check_message(error)
    return shown.getvalue().decode()


def options_of(name: str) -> list[argparse.Action]:
    """Return a command's own options and arguments."""
    command: Any = COMMANDS[name].load()(None, None)
    parser: argparse.ArgumentParser = command.get_parser(name)
    of_every_command = {
        action
        for group in parser._action_groups
        if str(group.title).endswith(('formatter', 'formatters'))
        for action in group._group_actions
    }
    return [
        action
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
        and action not in of_every_command
    ]


def in_order(status: int, body: Any) -> strange_cloud.Answer:
    """Answer as documented."""
    return strange_cloud.Answer()


def test_every_command_is_tried() -> None:
    # Those of pipelines ask the clouds of a manifest, not the command's.
    assert set(CALLS) == {
        name for name in COMMANDS if not name.startswith('ims_pipeline_')
    }


@pytest.mark.parametrize('name', CALLS)
def test_a_natural_call_is_done(name: str) -> None:
    _, cloud = strange_cloud.strange_cloud()
    for argv in CALLS[name]:
        cloud.prepare(in_order)
        run(name, argv)
        assert cloud.requests or '/dev/null' in argv


@pytest.mark.parametrize('name', CALLS)
def test_a_strange_word_in_any_place_is_refused_or_taken(name: str) -> None:
    _, cloud = strange_cloud.strange_cloud()
    takes_value = [
        action.option_strings[-1]
        for action in options_of(name)
        if action.option_strings and action.nargs != 0
    ]
    for word in WORDS:
        for argv in CALLS[name]:
            for place in range(len(argv)):
                cloud.prepare(in_order)
                run(name, [*argv[:place], word, *argv[place + 1 :]])
        if word == '--':
            continue  # --option=-- is an empty list to some Pythons
        for option in takes_value:
            cloud.prepare(in_order)
            run(name, [*CALLS[name][0], f'{option}={word}'])


@pytest.mark.parametrize('name', CALLS)
@strange_cloud.examples(15)
@hypothesis.given(data=st.data())
def test_generated_options_are_refused_or_taken(
    name: str, data: st.DataObject
) -> None:
    _, cloud = strange_cloud.strange_cloud()
    words = st.sampled_from(WORDS) | st.text(max_size=20)
    argv = list(data.draw(st.sampled_from(CALLS[name])))
    for action in data.draw(
        st.lists(st.sampled_from(options_of(name)), max_size=4)
    ):
        argv += action.option_strings[-1:]
        if action.nargs != 0:
            argv.append(
                data.draw(
                    words
                    if not action.choices
                    else words | st.sampled_from([*action.choices])
                )
            )
    cloud.prepare(in_order)
    run(name, argv)


@pytest.mark.parametrize('name', CALLS)
@strange_cloud.examples(15)
@hypothesis.given(
    data=st.data(),
    make=strange_answer.strange_answers(),
    only=st.sampled_from((None, 0, 1)),
)
def test_a_strange_answer_is_shown_or_refused(
    name: str,
    data: st.DataObject,
    make: strange_cloud.Make,
    only: int | None,
) -> None:
    _, cloud = strange_cloud.strange_cloud()
    argv = list(data.draw(st.sampled_from(CALLS[name])))
    takes = {
        option
        for action in options_of(name)
        for option in action.option_strings
    }
    if issubclass(COMMANDS[name].load(), Lister | ShowOne):
        argv += ['-f', data.draw(st.sampled_from(FORMATS))]
    if '--timeout' in takes:
        argv += ['--timeout', '0.01']
    cloud.prepare(make, only)

    shown = run(name, argv)

    assert shown.replace('\n', '').replace('\r', '').isprintable(), ascii(
        shown
    )[:500]
