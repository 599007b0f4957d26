# SPDX-License-Identifier: Apache-2.0
"""The table that the benchmarks print, and its rows."""

from collections.abc import Iterable
import dataclasses

_HEADINGS = ('work', 'measure', 'ours', 'beside', '', 'ratio', 'bar', '')

#: Columns whose cells are numbers.
_NUMBERS = (2, 4, 5)


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table.

    :ivar ours: What was measured here, as it is shown.
    :ivar peer: What it is compared with, empty for a bar in absolute terms.
    :ivar ratio: How the two compare; ``None`` without a peer.
    :ivar bar: What is to be reached, empty where that is not laid down.
    :ivar is_met: Whether it has been.
    """

    work: str
    measure: str
    ours: str
    peer: str = ''
    theirs: str = ''
    ratio: float | None = None
    bar: str = ''
    is_met: bool | None = None


def limited(
    work: str, measure: str, ours: float, unit: str, at_most: float | None
) -> Row:
    """Return the row of a measure that is to stay below a bar."""
    shown = _shown(ours, unit)
    if at_most is None:
        return Row(work, measure, shown)
    return Row(
        work,
        measure,
        shown,
        bar=f'<= {_shown(at_most, unit)}',
        is_met=ours <= at_most,
    )


def compared(
    work: str,
    measure: str,
    unit: str,
    ours: float,
    peer: str,
    theirs: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    times_less: float | None = None,
    no_more_than: float | None = None,
) -> Row:
    """Return the row of a measure that is compared with a peer's.

    The ratio is ours to theirs, or theirs to ours with ``times_less``.

    :param at_most: The ratio that ours is to stay below.
    :param at_least: The ratio that ours is to reach.
    :param times_less: How many times less than theirs ours is to be.
    :param no_more_than: What ours is to stay below, whatever theirs is.
    """
    ratio = ours / theirs if times_less is None else theirs / ours
    bar, is_met = '', None
    if at_most is not None:
        bar, is_met = f'<= {at_most:g} x', ratio <= at_most
    elif at_least is not None:
        bar, is_met = f'>= {at_least:g} x', ratio >= at_least
    elif times_less is not None:
        bar, is_met = f'>= {times_less:g} x less', ratio >= times_less
    elif no_more_than is not None:
        bar, is_met = f'<= {_shown(no_more_than, unit)}', ours <= no_more_than
    return Row(
        work,
        measure,
        _shown(ours, unit),
        peer,
        _shown(theirs, unit),
        ratio,
        bar,
        is_met,
    )


def _shown(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 2
    return f'{value:,.{digits}f} {unit}'.rstrip()


def table(rows: Iterable[Row]) -> str:
    """Return rows as text, in columns."""
    lines = [_HEADINGS]
    for row in rows:
        lines.append(
            (
                row.work,
                row.measure,
                row.ours,
                row.peer,
                row.theirs,
                '' if row.ratio is None else f'{row.ratio:.2f}',
                row.bar,
                {None: '', True: 'met', False: 'MISSED'}[row.is_met],
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.rjust(width) if number in _NUMBERS else cell.ljust(width)
            for number, (cell, width) in enumerate(
                zip(line, widths, strict=True)
            )
        ).rstrip()
        for line in lines
    )
