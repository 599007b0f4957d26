# SPDX-License-Identifier: Apache-2.0
"""A run's figures for Prometheus, as its node exporter reads them of files."""

import collections
from collections.abc import Iterator, Mapping
from pathlib import Path

from ims_ext.pipeline.report import writing
from ims_ext.pipeline.report.facts import Report
from ims_ext.pipeline.report.facts import State

_PREFIX = 'ims_pipeline_run'


def write(report: Report, path: Path) -> None:
    """Write a report's figures to a file, all at once.

    :param report: The report.
    :param path: The file, ``*.prom`` in the exporter's folder; others may
        read it, the exporter among them.
    :raises: :class:`OSError`
    """
    writing.write(path, pieces(report), 0o644)


def pieces(report: Report) -> Iterator[str]:
    """Give the text of a report's figures.

    :param report: The report.
    """
    own = {'pipeline': report.pipeline}
    if report.began is not None:
        yield from _metric(
            'start_timestamp_seconds',
            "When the last run began.",
            {_labels(own): report.began.timestamp()},
        )
    if report.ended is not None:
        yield from _metric(
            'end_timestamp_seconds',
            "When the last run ended.",
            {_labels(own): report.ended.timestamp()},
        )
    yield from _metric(
        'duration_seconds',
        "How long the last run took.",
        {_labels(own): report.seconds},
    )
    if report.exit is not None:
        yield from _metric(
            'exit_code',
            "How the last run ended: 0 done, 3 some items failed, 5 "
            "interrupted.",
            {_labels(own): report.exit},
        )
    yield from _metric(
        'success',
        "Whether the last run has done all there was to do.",
        {_labels(own): int(report.exit == 0)},
    )
    yield from _of_items(report, own)
    yield from _of_steps(report, own)


def _of_items(report: Report, own: Mapping[str, str]) -> Iterator[str]:
    counts: collections.Counter[str] = collections.Counter()
    for target in report.targets:
        # So that there are no gaps where nothing failed.
        for state in (State.DONE, State.FAILED, State.SKIPPED):
            counts[_labels({**own, 'target': target, 'state': state})] = 0
    for item in report.items:
        labels = {**own, 'target': item.target, 'state': item.state}
        counts[_labels(labels)] += 1
    yield from _metric('items', "Items of the last run.", counts)
    failures = collections.Counter(
        _labels({**own, 'target': each.target, 'code': each.code or ''})
        for each in report.items
        if each.state is State.FAILED
    )
    yield from _metric(
        'failures', "Items of the last run that failed, by code.", failures
    )


def _of_steps(report: Report, own: Mapping[str, str]) -> Iterator[str]:
    seconds: dict[str, float] = collections.defaultdict(float)
    moved: dict[str, float] = collections.defaultdict(float)
    for item in report.items:
        for step in item.steps:
            labels = _labels({**own, 'target': item.target, 'step': step.name})
            seconds[labels] += step.seconds
            if step.bytes is not None:
                moved[labels] += step.bytes
    yield from _metric(
        'step_duration_seconds',
        "How long the steps of the last run took, all together.",
        seconds,
    )
    yield from _metric(
        'step_bytes', "Bytes that steps of the last run have moved.", moved
    )


def _metric(
    name: str, words: str, samples: Mapping[str, float]
) -> Iterator[str]:
    if not samples:
        return
    yield f'# HELP {_PREFIX}_{name} {words}\n'
    yield f'# TYPE {_PREFIX}_{name} gauge\n'
    for labels, value in samples.items():
        shown = f'{value:.3f}'.rstrip('0').rstrip('.')
        yield f'{_PREFIX}_{name}{labels} {shown}\n'


def _labels(labels: Mapping[str, str]) -> str:
    told = ','.join(
        f'{name}="{_escaped(str(value))}"' for name, value in labels.items()
    )
    return f'{{{told}}}'


def _escaped(value: str) -> str:
    return value.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
