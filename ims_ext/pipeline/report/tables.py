# SPDX-License-Identifier: Apache-2.0
"""The tables of a run's page."""

from collections.abc import Sequence

from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.report import wording
from ims_ext.pipeline.report.facts import ItemFacts
from ims_ext.pipeline.report.markup import Content
from ims_ext.pipeline.report.markup import Element


def steps(item: ItemFacts) -> Element:
    """Return the table of an item's steps.

    :param item: The item.
    """
    rows: list[tuple[Content, ...]] = []
    for each in item.steps:
        told = [
            each.job_id or '',
            each.status or '',
            '' if each.bytes is None else units.shown_size(each.bytes),
        ]
        rows.append(
            (
                each.name,
                wording.duration(each.began),
                wording.duration(each.seconds),
                Element('span', str(each.state), class_=str(each.state)),
                ' '.join(filter(None, told)),
            )
        )
    return table(("Step", "*From", "*Took", "State", ""), rows, None)


def longest(item: ItemFacts) -> str:
    """Return which of an item's steps took longest, and how long.

    :param item: The item.
    """
    if not item.steps:
        return ''
    step = max(item.steps, key=lambda each: each.seconds)
    return f"{step.name}, {wording.duration(step.seconds)}"


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Content]], name: str | None
) -> Element:
    """Return a table.

    :param heads: The columns' heads; those of numbers begin with ``*``.
    :param rows: The rows.
    :param name: The table's ID.
    """
    classes = ['number' if each.startswith('*') else None for each in heads]
    return Element(
        'div',
        Element(
            'table',
            Element(
                'thead',
                Element(
                    'tr',
                    *(
                        Element('th', head.lstrip('*'), class_=class_)
                        for head, class_ in zip(heads, classes, strict=True)
                    ),
                ),
            ),
            Element(
                'tbody',
                *(
                    Element(
                        'tr',
                        *(
                            Element('td', each, class_=class_)
                            for each, class_ in zip(row, classes, strict=True)
                        ),
                    )
                    for row in rows
                ),
            ),
            id=name,
        ),
        class_='scroll',
    )
