# SPDX-License-Identifier: Apache-2.0
"""Reports of runs say what their events say."""

import html.parser
import os
from pathlib import Path
import re

import hypothesis
from hypothesis import strategies as st
import pytest

from ims_ext import exceptions
from ims_ext.pipeline import events
from ims_ext.pipeline import home
from ims_ext.pipeline import journal
from ims_ext.pipeline import report
from ims_ext.pipeline.report import archive
from ims_ext.pipeline.report import metrics
from ims_ext.pipeline.report import page
from ims_ext.pipeline.report import saved_plan
from ims_ext.pipeline.report import wording
from ims_ext.pipeline.report.facts import State

from ..pipeline_events import event
from ..pipeline_events import failed
from ..pipeline_events import item
from ..pipeline_events import run
from ..pipeline_events import steps

EVENTS = run(
    steps(1, 'debian', 'de'),
    steps(3, 'ubuntu', 'nl'),
    failed(2, 'golden', 'de', "no room for 123 bytes of golden"),
    failed(5, 'silver', 'nl', "no room for 4567 bytes of silver"),
    [
        event(20, 'item.skipped', **item('golden', 'de', 'share'), reason='x'),
        event(21, 'note', id=None, message='an object is deleted'),
        event(4, 'note', id=item('debian', 'de')['id'], message='tried again'),
    ],
)


def test_a_report_has_each_item_with_its_steps() -> None:
    found = report.gather(EVENTS)

    assert (found.run, found.pipeline, found.exit) == ('r1', 'platform', 3)
    assert found.seconds == 30
    assert found.notes == ['an object is deleted']
    assert [found.count(each) for each in State] == [2, 2, 1, 0, 0]
    debian = found.items[0]
    assert (debian.state, debian.seconds) == (State.DONE, 10)
    assert debian.image_id == 'i-debian'
    assert debian.notes == ['tried again']
    assert [
        (each.name, each.began, each.seconds, each.state, each.bytes)
        for each in debian.steps
    ] == [
        ('fetch', 1, 2, State.DONE, 9),
        ('upload', 3, 3, State.DONE, 9),
        ('job', 6, 4, State.DONE, None),
    ]
    golden = found.items[1]
    assert (golden.state, golden.left) == (State.FAILED, 'an object in img-de')
    assert [each.state for each in golden.steps] == [State.FAILED]


def test_failures_are_told_by_cause() -> None:
    (cause,) = report.gather(EVENTS).causes()

    assert cause.code == 'IMG.0144'
    assert [each.image for each in cause.items] == ['golden', 'silver']
    assert cause.reason == "no room for 123 bytes of golden"


def test_a_run_that_was_killed_is_told_as_such() -> None:
    cut = EVENTS[: EVENTS.index(steps(1, 'debian', 'de')[4])]

    found = report.gather(cut)

    assert found.ended is None
    assert found.exit is None
    assert 'by force' in wording.outcome(found.exit)
    assert {each.state for each in found.items} == {State.UNFINISHED}
    assert all(step.seconds >= 0 for e in found.items for step in e.steps)


def test_what_was_planned_and_not_begun_is_told() -> None:
    started = event(
        0,
        'run.started',
        pipeline='p',
        manifest='p.yaml',
        version='1',
        actions=[item('a', 'de'), item('b', 'de')],
        targets=['de'],
    )

    found = report.gather([started, *steps(1, 'a', 'de')])

    assert [(each.image, each.state) for each in found.items] == [
        ('a', State.DONE),
        ('b', State.PLANNED),
    ]


def test_an_item_that_is_done_twice_is_there_twice() -> None:
    found = report.gather(run(steps(1, 'a', 'de'), steps(15, 'a', 'de')))

    assert [each.began for each in found.items] == [1, 15]
    assert found.count(State.DONE) == 2


def test_a_step_that_is_begun_once_more_has_failed_before() -> None:
    own = {'id': item('a', 'de')['id'], 'step': 'upload'}
    found = report.gather(
        [
            event(0, 'item.started', **item('a', 'de')),
            event(0, 'step.started', **own),
            event(3, 'step.started', **own),
            event(5, 'step.done', **own, seconds=2),
        ]
    )

    assert [(each.state, each.seconds) for each in found.items[0].steps] == [
        (State.FAILED, 3),
        (State.DONE, 2),
    ]


VALUES = (
    st.none()
    | st.sampled_from(['', 'a', 'b<\x00', '\ud800'])
    | st.sampled_from([0, -1, 10**400])
    | st.floats()
)


@hypothesis.given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    'id',
                    'step',
                    'seconds',
                    'bytes',
                    'done',
                    'total',
                    'reason',
                    'code',
                    'targets',
                    'actions',
                    'message',
                    'status',
                    'image',
                ]
            ),
            VALUES | st.lists(VALUES, max_size=2),
        ),
        max_size=12,
    ),
    st.lists(
        st.sampled_from(
            [
                'run.started',
                'item.started',
                'item.done',
                'item.failed',
                'step.started',
                'step.done',
                'progress',
                'job.started',
                'job.ended',
                'note',
                'run.ended',
                'item.new',
                'new',
            ]
        ),
        min_size=12,
        max_size=12,
    ),
)
def test_strange_events_make_a_report_all_the_same(
    fields: list[dict[str, object]], kinds: list[str]
) -> None:
    found = report.gather(
        event(number, kind, **each)
        for number, (kind, each) in enumerate(zip(kinds, fields, strict=False))
    )

    assert ''.join(page.pieces(found)).endswith('</html>\n')
    assert ''.join(metrics.pieces(found))


class Tags(html.parser.HTMLParser):
    """Notes the elements and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


HOSTILE = '"><script src=//x.example/a.js></script><img src=x onerror=a()>\'&'


def test_nothing_in_an_event_becomes_markup() -> None:
    which = {**item(HOSTILE, HOSTILE), 'id': HOSTILE}
    own = {'id': HOSTILE, 'step': HOSTILE}
    found = report.gather(
        [
            event(0, 'item.started', **which),
            event(0, 'step.started', **own),
            event(
                1, 'item.failed', **which, reason=HOSTILE, code=HOSTILE, left=1
            ),
            event(1, 'note', id=None, message=HOSTILE),
        ]
    )

    text = ''.join(page.pieces(found))

    tags = Tags(text)
    assert not {'script', 'img', 'iframe', 'link'} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith('on')]
    assert {'"><script', HOSTILE} & {each[:9] for each in tags.texts}
    assert 'http://' not in text
    assert 'https://' not in text
    assert not re.search(r'\b(src|url)\s*[=(]', re.sub(r'&[^;]+;.*', '', text))


def test_the_page_is_written_as_a_whole_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / 'report.html'
    file.write_text('before')

    page.write(report.gather(EVENTS), file)

    assert file.read_text('utf-8').startswith('<!DOCTYPE html>')
    assert list(tmp_path.iterdir()) == [file]
    if os.name == 'posix':
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_page_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / 'report.html'
    file.write_text('before')

    def full(descriptor: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        page.write(report.gather(EVENTS), file)

    assert file.read_text() == 'before'
    assert list(tmp_path.iterdir()) == [file]


def test_a_page_of_many_items_is_bounded() -> None:
    many = [
        each
        for number in range(4000)
        for each in steps(1, f'image-{number}', 'de')
    ]

    text = ''.join(page.pieces(report.gather(run(many, code=0))))

    assert '>4000<' in text
    assert len(text) < 8_000_000
    assert text.count('class="item"') == 3000
    assert '1000 more are left out here' in text


# ====== PROMETHEUS ======

SAMPLE = re.compile(
    r'[a-z_]+\{([a-z_]+="(?:[^"\\\n]|\\.)*",?)+\} -?\d+(\.\d+)?'
)


def test_figures_are_as_prometheus_reads_them() -> None:
    text = ''.join(metrics.pieces(report.gather(EVENTS)))

    for line in text.splitlines():
        assert line.startswith(('# HELP ', '# TYPE ')) or SAMPLE.fullmatch(
            line
        )
    run_of = 'ims_pipeline_run'
    own = 'pipeline="platform"'
    assert f'{run_of}_duration_seconds{{{own}}} 30\n' in text
    assert f'{run_of}_success{{{own}}} 0\n' in text
    assert f'{run_of}_exit_code{{{own}}} 3\n' in text
    assert f'{run_of}_items{{{own},target="de",state="done"}} 1\n' in text
    assert f'{run_of}_items{{{own},target="nl",state="skipped"}} 0\n' in text
    assert (
        f'{run_of}_failures{{{own},target="nl",code="IMG.0144"}} 1\n' in text
    )
    assert f'{run_of}_step_bytes{{{own},target="de",step="fetch"}} 9\n' in text
    names = re.findall(r'# TYPE (\S+) gauge', text)
    assert len(names) == len(set(names))


def test_labels_are_escaped() -> None:
    strange = 'a"b\\c\nd'
    text = ''.join(
        metrics.pieces(report.gather(run(steps(1, 'a', strange), code=0)))
    )

    assert r'target="a\"b\\c\nd"' in text
    assert all(
        line.startswith('#') or SAMPLE.fullmatch(line)
        for line in text.splitlines()
    )


def test_the_exporter_may_read_the_figures(tmp_path: Path) -> None:
    file = tmp_path / 'ims.prom'

    metrics.write(report.gather(EVENTS), file)

    assert list(tmp_path.iterdir()) == [file]
    if os.name == 'posix':
        assert file.stat().st_mode & 0o777 == 0o644


# ====== FINDING RUNS ======


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of what pipelines keep."""
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    return home.folder()


def keep(name: str, *runs: str) -> None:
    with journal.Journal(home.file_for(Path(name), '.sqlite'), runs[0]) as it:
        for number, each in enumerate(runs):
            for told in EVENTS:
                it(
                    {
                        **told,
                        'run': each,
                        'time': told['time'].replace(
                            '2026', str(2020 + number)
                        ),
                    }
                )


@pytest.mark.usefixtures('folder')
def test_runs_of_all_manifests_are_found() -> None:
    keep('a.yaml', '20201126-080000-aaaaaa', '20211126-080000-bbbbbb')
    keep('b.yaml', '20201126-080000-cccccc')

    assert [each.run[-1] for each in archive.runs()] == ['b', 'c', 'a']
    assert archive.report().run == '20211126-080000-bbbbbb'
    assert archive.report('20211126').run == '20211126-080000-bbbbbb'
    assert archive.report('20201126-080000-c').count(State.DONE) == 2
    with pytest.raises(exceptions.ValidationError, match='may be one of'):
        archive.report('20201126')
    with pytest.raises(exceptions.ValidationError, match='no journal of run'):
        archive.report('1999')


@pytest.mark.usefixtures('folder')
def test_without_any_run_that_is_said() -> None:
    assert archive.runs() == []
    with pytest.raises(exceptions.ValidationError, match='of any run'):
        archive.report()


def test_a_journal_that_cannot_be_read_hides_no_other(folder: Path) -> None:
    (folder / 'x.sqlite').write_bytes(b'not a database' * 99)
    keep('a.yaml', 'r1')
    said: list[str] = []

    assert [each.run for each in archive.runs(said.append)] == ['r1']
    assert len(said) == 1


def test_a_file_of_events_has_a_report(tmp_path: Path) -> None:
    file = tmp_path / 'events.jsonl'
    with events.JsonLines(file) as lines:
        for each in EVENTS:
            lines(each)
        for each in run(steps(1, 'later', 'de'), code=0):
            lines({**each, 'run': 'r2'})

    assert archive.report_of_file(file).items[0].image == 'later'
    assert archive.report_of_file(file, 'r1') == report.gather(EVENTS)
    with pytest.raises(exceptions.ValidationError, match='no events of run'):
        archive.report_of_file(file, 'r3')


@pytest.mark.skipif(os.name != 'posix', reason="has no /dev/zero")
def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match='no event'):
        archive.report_of_file(Path('/dev/zero'))
    with pytest.raises(exceptions.ValidationError, match='too long'):
        saved_plan.read(Path('/dev/zero'))


@pytest.mark.skipif(os.name != 'posix', reason="has no pipes with names")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    metrics.write(report.gather(EVENTS), pipe)

    assert b'ims_pipeline_run_success' in os.read(reader, 100_000)
    assert pipe.is_fifo()
    os.close(reader)
