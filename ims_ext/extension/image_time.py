# SPDX-License-Identifier: Apache-2.0
"""Times as filters of image lists: dates, datetimes, and the service's words.

The service takes one operator with one time to the second:
``gt:2026-01-31T10:00:00Z``.
"""

from collections.abc import Callable, Mapping
import datetime
import operator
from typing import Any, NamedTuple

from ims_ext import exceptions
from ims_ext import resource

#: Attributes that are times and can be filtered by.
ATTRIBUTES = ('created_at', 'updated_at')

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    'gt': operator.gt,
    'gte': operator.ge,
    'lt': operator.lt,
    'lte': operator.le,
    'eq': operator.eq,
    'neq': operator.ne,
}

_SECOND = datetime.timedelta(seconds=1)
_DAY = datetime.timedelta(days=1)


class TimeCondition(NamedTuple):
    """A comparison of an image's time with another."""

    attribute: str
    operator: str
    moment: datetime.datetime

    def __str__(self) -> str:
        """Return the condition as the service takes it."""
        return f'{self.operator}:{self.moment:%Y-%m-%dT%H:%M:%SZ}'

    def holds(self, image: Any) -> bool:
        """Whether it holds of an image."""
        found = resource.parse_time(getattr(image, self.attribute))
        return found is not None and _OPERATORS[self.operator](
            found, self.moment
        )


def conditions(attribute: str, value: Any) -> list[TimeCondition]:
    """Return the conditions that a filter stands for; all must hold.

    :param attribute: ``created_at`` or ``updated_at``.
    :param value: A time; a string of an operator, a colon and a time; or a
        mapping of operators to times. A time is a ``datetime``, a ``date``
        or a string of ISO 8601, in UTC if it has no zone. A date is the
        beginning of its day, but alone the whole day.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if isinstance(value, Mapping):
        given = list(value.items())
    elif isinstance(value, str) and value.partition(':')[0] in _OPERATORS:
        word, _, rest = value.partition(':')
        given = [(word, rest)]
    else:
        return _alone(attribute, value)
    if not given or not all(word in _OPERATORS for word, _ in given):
        raise _not_a_time(attribute, value)
    return [
        TimeCondition(
            attribute, word, _to_second(word, _read(attribute, each))
        )
        for word, each in given
    ]


def _alone(attribute: str, value: Any) -> list[TimeCondition]:
    moment = _read(attribute, value)
    if not _is_date(value):
        return [TimeCondition(attribute, 'eq', moment.replace(microsecond=0))]
    return [
        TimeCondition(attribute, 'gte', moment),
        TimeCondition(attribute, 'lt', moment + _DAY),
    ]


def _is_date(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.strip()) <= len('2026-01-31')
    return not isinstance(value, datetime.datetime)


def _to_second(word: str, moment: datetime.datetime) -> datetime.datetime:
    """Return the whole second by which a comparison says the same."""
    whole = moment.replace(microsecond=0)
    is_later = word in ('gte', 'lt') and moment != whole
    return whole + _SECOND if is_later else whole


def _read(attribute: str, value: Any) -> datetime.datetime:
    try:
        if isinstance(value, datetime.datetime):
            moment = value
        elif isinstance(value, datetime.date):
            moment = datetime.datetime.combine(value, datetime.time())
        elif isinstance(value, str):
            moment = datetime.datetime.fromisoformat(value.strip())
        else:
            raise TypeError(value)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=datetime.UTC)
        return moment.astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        raise _not_a_time(attribute, value) from None


def _not_a_time(attribute: str, value: Any) -> exceptions.ValidationError:
    return exceptions.ValidationError(
        f"{attribute} is {value!r}; a time like 2026-01-31 or "
        f"2026-01-31T10:00:00Z is expected, with one of "
        f"{', '.join(_OPERATORS)} and a colon in front of it if wanted"
    )
