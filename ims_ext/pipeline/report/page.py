# SPDX-License-Identifier: Apache-2.0
"""A run's report as one page that needs no network and no script."""

from collections.abc import Iterator, Sequence
import importlib.resources
from pathlib import Path

from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.report import tables
from ims_ext.pipeline.report import wording
from ims_ext.pipeline.report import writing
from ims_ext.pipeline.report.facts import ItemFacts
from ims_ext.pipeline.report.facts import Report
from ims_ext.pipeline.report.facts import State
from ims_ext.pipeline.report.facts import StepFacts
from ims_ext.pipeline.report.markup import Content
from ims_ext.pipeline.report.markup import Element
from ims_ext.pipeline.report.markup import Style

#: Items of a target that have a row over time, and items with their steps.
_MOST_ROWS = 400
_MOST_ITEMS = 3000
_MOST_NOTES = 200
#: Colours of steps.
_COLOURS = 8

#: Nothing is loaded, whatever somebody manages to write into an event.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"


def write(report: Report, path: Path) -> None:
    """Write a report's page, all at once.

    :param report: The report.
    :param path: The file; one that is there is replaced.
    :raises: :class:`OSError`
    """
    writing.write(path, pieces(report), 0o600)


def pieces(report: Report) -> Iterator[str]:
    """Give a report's page, piece by piece.

    :param report: The report.
    """
    yield '<!DOCTYPE html>\n'
    yield from _Page(report).page().pieces()
    yield '\n'


class _Page:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._numbers = {
            id(each): number for number, each in enumerate(report.items, 1)
        }
        self._colours = {
            name: f'c{number % _COLOURS}'
            for number, name in enumerate(report.step_seconds())
        }

    def page(self) -> Element:
        """Return the whole page."""
        title = f"{self._report.pipeline or 'Pipeline'} {self._report.run}"
        sheet = importlib.resources.files('ims_ext.data') / 'report.css'
        return Element(
            'html',
            Element(
                'head',
                Element('meta', charset='utf-8'),
                Element(
                    'meta',
                    http_equiv='Content-Security-Policy',
                    content=_POLICY,
                ),
                Element(
                    'meta',
                    name='viewport',
                    content='width=device-width, initial-scale=1',
                ),
                Element('meta', name='referrer', content='no-referrer'),
                Element('title', title),
                Style(sheet.read_text('utf-8')),
            ),
            Element('body', Element('main', *self._sections())),
            lang='en',
        )

    def _sections(self) -> Iterator[Element]:
        yield from self._head()
        yield from self._failures()
        yield from self._timeline()
        yield from self._slowest()
        yield from self._items()
        yield from self._notes()

    # ====== FIGURES ======

    def _head(self) -> Iterator[Element]:
        report = self._report
        yield Element('h1', f"Pipeline {report.pipeline}")
        yield Element(
            'p',
            f"Run {report.run} of {report.manifest}, "
            f"{wording.moment(report.began)}: "
            f"{wording.outcome(report.exit)}",
            class_='quiet',
        )
        figures: list[tuple[str, str, Content]] = [
            (str(state), f"{state}".capitalize(), report.count(state))
            for state in State
            if report.count(state) or state in (State.DONE, State.FAILED)
        ]
        figures.append(('seconds', "Took", wording.duration(report.seconds)))
        figures.append(('targets', "Targets", len(report.targets)))
        if report.bytes:
            moved = units.shown_size(report.bytes)
            figures.append(('bytes', "Moved", moved))
        yield Element(
            'dl',
            *(
                Element(
                    'div',
                    Element('dt', label),
                    Element('dd', value, id=f'figure-{name}'),
                )
                for name, label, value in figures
            ),
            class_='figures',
        )

    def _failures(self) -> Iterator[Element]:
        causes = self._report.causes()
        if not causes:
            return
        yield Element('h2', "Failures by cause")
        yield tables.table(
            ("*Items", "Code", "Reason of the first", "Which"),
            [
                (
                    len(each.items),
                    each.code,
                    each.reason,
                    Element('span', *self._links(each.items)),
                )
                for each in causes
            ],
            'failures',
        )

    def _links(self, items: Sequence[ItemFacts]) -> Iterator[Content]:
        for number, item in enumerate(items[:20]):
            if number:
                yield ', '
            yield self._link(item, f'{item.label} {item.target}')
        if len(items) > 20:
            yield f' and {len(items) - 20} more'

    def _link(self, item: ItemFacts, text: str) -> Element:
        if not self._has_steps(item):
            return Element('span', text)
        return Element('a', text, href=f'#i{self._numbers[id(item)]}')

    def _has_steps(self, item: ItemFacts) -> bool:
        return self._numbers[id(item)] <= _MOST_ITEMS

    # ====== OVER TIME ======

    def _timeline(self) -> Iterator[Element]:
        begun = [e for e in self._report.items if e.began is not None]
        if not begun:
            return
        yield Element('h2', "Steps over time, by target")
        yield Element(
            'div',
            *(
                Element('span', Element('i', class_=colour), name)
                for name, colour in self._colours.items()
            ),
            class_='legend',
        )
        for target in self._report.targets:
            items = [each for each in begun if each.target == target]
            if items:
                yield Element('h3', target)
                yield from self._rows(items)

    def _rows(self, items: list[ItemFacts]) -> Iterator[Element]:
        shown = items
        if len(items) > _MOST_ROWS:
            # What failed, and what took longest.
            shown = sorted(
                items, key=lambda e: (e.state is not State.FAILED, -e.seconds)
            )[:_MOST_ROWS]
            shown.sort(key=lambda each: each.began or 0.0)
        for item in shown:
            yield Element(
                'div',
                self._row_label(item),
                Element('div', *self._bars(item), class_='track'),
                class_='row',
            )
        yield Element(
            'div',
            Element('span'),
            Element(
                'div',
                *(
                    Element(
                        'span',
                        wording.duration(self._report.seconds * part / 4),
                    )
                    for part in range(5)
                ),
                class_='axis',
            ),
            class_='row',
        )
        if len(shown) < len(items):
            yield Element(
                'p',
                f"The {len(items) - len(shown)} shortest are left out here.",
                class_='quiet',
            )

    def _row_label(self, item: ItemFacts) -> Element:
        link = self._link(item, item.label)
        if item.state is State.DONE:
            return link
        return Element(
            'span',
            Element('span', f'{item.state} ', class_=str(item.state)),
            link,
        )

    def _bars(self, item: ItemFacts) -> Iterator[Element]:
        steps = item.steps
        if not steps:
            whole = StepFacts(
                item.action, item.began or 0.0, item.seconds, item.state
            )
            steps = [whole]
        length = max(
            self._report.seconds, *(each.ended for each in steps), 0.001
        )
        for step in steps:
            classes = ['bar', self._colours.get(step.name, 'c6')]
            if step.state in (State.FAILED, State.UNFINISHED):
                classes.append(str(step.state))
            yield Element(
                'span',
                class_=' '.join(classes),
                title=f"{step.name}: {wording.duration(step.seconds)} from "
                f"{wording.duration(step.began)}, {step.state}",
                style=f'--at:{100 * step.began / length:.3f}%;'
                f'--long:{100 * step.seconds / length:.3f}%',
                data_step=step.name,
                data_began=f'{step.began:.3f}',
                data_seconds=f'{step.seconds:.3f}',
            )

    # ====== TABLES ======

    def _slowest(self) -> Iterator[Element]:
        slowest = self._report.slowest()
        if not slowest:
            return
        yield Element('h2', "The slowest")
        yield tables.table(
            ("*Took", "Item", "Target", "Longest step"),
            [
                (
                    wording.duration(each.seconds),
                    self._link(each, each.label),
                    each.target,
                    tables.longest(each),
                )
                for each in slowest
            ],
            'slowest',
        )
        yield Element('h3', "Time of all steps together")
        yield tables.table(
            ("*Took", "Step"),
            [
                (wording.duration(seconds), name)
                for name, seconds in self._report.step_seconds().items()
            ],
            'steps',
        )

    def _items(self) -> Iterator[Element]:
        items = self._report.items
        yield Element('h2', "Items and their steps")
        if not items:
            yield Element('p', "There was nothing to do.")
        for item in items[:_MOST_ITEMS]:
            yield self._item(item)
        if len(items) > _MOST_ITEMS:
            yield Element(
                'p',
                f"{len(items) - _MOST_ITEMS} more are left out here; "
                "“openstack ims pipeline show” has them all.",
                class_='quiet',
            )

    def _item(self, item: ItemFacts) -> Element:
        took = f", {wording.duration(item.seconds)}" if item.seconds else ''
        told = [
            (name, value)
            for name, value in (
                ("Reason", item.reason),
                ("Code", item.code),
                ("Left behind", item.left),
                ("Image", item.image_id),
            )
            if value
        ]
        content: list[Content] = [
            Element('p', f"{name}: ", Element('code', value))
            for name, value in told
        ]
        content += [Element('p', each) for each in item.notes[:_MOST_NOTES]]
        if item.steps:
            content.append(tables.steps(item))
        return Element(
            'details',
            Element(
                'summary',
                f'{item.label} {item.target} ',
                Element('span', f'{item.state}{took}', class_=str(item.state)),
            ),
            Element(
                'div',
                *content,
                class_='detail',
                id=f'i{self._numbers[id(item)]}',
            ),
            class_='item',
            data_id=item.id,
            data_state=str(item.state),
            data_seconds=f'{item.seconds:.3f}',
        )

    def _notes(self) -> Iterator[Element]:
        notes = self._report.notes
        if not notes:
            return
        yield Element('h2', "Notes")
        for each in notes[:_MOST_NOTES]:
            yield Element('p', each, class_='note')
        if len(notes) > _MOST_NOTES:
            yield Element('p', f"And {len(notes) - _MOST_NOTES} more.")
