# SPDX-License-Identifier: Apache-2.0
"""Lists that come in pages: one is fetched while another is looked at."""

from collections.abc import Callable, Generator, Iterable, Mapping
import dataclasses
import itertools
import logging
from typing import Any, Generic, TypeVar

from keystoneauth1 import adapter
from openstack import exceptions as sdk_exceptions
from openstack import fields
from openstack import resource as sdk_resource
import requests

from ims_ext import exceptions
from ims_ext import lazy
from ims_ext import page_end
from ims_ext import sdk
from ims_ext import workers
from ims_ext.transport import origin

_logger = logging.getLogger(__name__)

T = TypeVar('T')

#: Items that a page is asked for where nobody says how many.
PAGE_SIZE = 1000

#: Seconds that the end of a list that nobody looks at any more waits for the
#: page that is on its way, so that nothing goes on behind the caller's back.
_PATIENCE = 1.0


@dataclasses.dataclass
class Page(Generic[T]):
    """A part of a list.

    :ivar items: What is on the page.
    :ivar following: Fetches the next page; ``None`` for the last.
    """

    items: Iterable[T]
    following: 'Callable[[], Page[T]] | None'


def walk(fetch: Callable[[], Page[T]]) -> Generator[T, None, None]:
    """Yield the items of all pages of a list.

    The first item costs one request. From the second item of a page on, the
    next page is on its way, in a thread of its own, and no other.

    :param fetch: Fetches the first page.
    :raises: What fetching raises, where the page's first item would be.
    """
    page = fetch()
    ahead: _Ahead[T] | None = None
    try:
        while True:
            items = iter(page.items)
            yield from itertools.islice(items, 1)
            if page.following is None:
                yield from items
                return
            ahead = _Ahead(page.following)
            yield from items
            page = ahead.page()
            ahead = None
    finally:
        if ahead:
            ahead.abandon()


class _Ahead(Generic[T]):
    """The next page, on its way.

    :param fetch: Fetches it.
    """

    def __init__(self, fetch: Callable[[], Page[T]]) -> None:
        self._fetch = fetch
        self._pool = workers.Workers(1, 'ims-next-page')
        with self._pool:
            self._fetched = self._pool.submit(fetch)

    def page(self) -> Page[T]:
        """Return the page once it is there."""
        self._pool.join()
        if self._fetched.done():
            return self._fetched.result()
        # The thread is in the process that this one was forked from.
        return self._fetch()

    def abandon(self) -> None:
        """Give the request that is on its way a moment to end."""
        self._pool.join(_PATIENCE)


def check_marker(marker: Any) -> None:
    """Refuse what no page can begin after.

    :param marker: The ID of the last item of a page.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError`
    """
    if not marker or not isinstance(marker, str):
        raise exceptions.InvalidAnswerError(
            "The list cannot be continued: the last item of the response has "
            "no ID"
        )


def check_progress(page: list[Any], previous: list[Any]) -> None:
    """Refuse a page of a list that is the one before again.

    :param page: What the page has, or what tells its items from others.
    :param previous: Likewise of the one before.
    :raises: :class:`~ims_ext.exceptions.PagingError`
    """
    if page and page == previous:
        raise _repeats()


def _repeats() -> exceptions.PagingError:
    return exceptions.PagingError(
        "The cloud sends the same page again and again: it does not look at "
        "which page is asked for. List less at once, by filters, or ask for "
        "all of it in one page, by limit"
    )


def list_resources(
    kind: type[sdk_resource.Resource],
    session: adapter.Adapter,
    paginated: bool = True,
    base_path: str | None = None,
    allow_unknown_params: bool = False,
    *,
    microversion: str | None = None,
    headers: Mapping[str, str] | None = None,
    max_items: int | None = None,
    page_size: int | None = None,
    **params: Any,
) -> Generator[Any, None, None]:
    """List resources as :meth:`openstack.resource.Resource.list` does.

    But the resources are deferred, the next page is fetched ahead, and what
    makes no sense in an answer raises.

    :param kind: The resources' class.
    :param session: The proxy to send requests by.
    :param paginated: Whether to ask for more than one page.
    :param base_path: In place of the class's path.
    :param allow_unknown_params: No matter, as in openstacksdk: a parameter
        that the class does not know is left out.
    :param microversion: In place of the class's.
    :param headers: Further headers of the requests.
    :param max_items: The most items to list.
    :param page_size: Items that a page is asked for where ``params`` has no
        ``limit``. Where the cloud cannot deliver as many at once, it is asked
        for less.
    :param params: Query parameters, conditions, and parts of the path. With
        ``limit=None``, the cloud decides on the size of a page.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError` for a page that
        is none.
    :raises: :class:`~ims_ext.exceptions.PagingError` for one that repeats,
        or cannot be reached any more.
    """
    if not kind.allow_list:
        raise sdk_exceptions.MethodNotSupported(kind, 'list')
    session = sdk.session_of(kind, session)
    try:
        listing = _Listing(kind, session, microversion, base_path, params)
    except sdk.NotKnownError:
        # Slower, and less is checked, but as right as openstacksdk is.
        plain: Any = sdk_resource.Resource.list
        if page_size and getattr(kind, 'pages_by_marker', False):
            params.setdefault('limit', page_size)
        yield from plain.__func__(
            kind,
            session,
            paginated,
            base_path,
            microversion=microversion,
            headers=headers,
            max_items=max_items,
            **params,
        )
        return
    listing.is_paginated = paginated
    listing.headers.update(headers or {})
    listing.max_items = max_items or None
    size = min(filter(None, (max_items, page_size)), default=None)
    if size and 'limit' not in listing.query:
        listing.choose_size(size)
    yield from walk(lambda: listing.fetch(listing.path, listing.query))


class Pages:
    """Stands in for a resource class whose list is one of openstacksdk's.

    :param kind: The class.
    """

    def __init__(self, kind: type[sdk_resource.Resource]) -> None:
        self._kind = kind

    def list(
        self, session: adapter.Adapter, *args: Any, **kwargs: Any
    ) -> Generator[Any, None, None]:
        """List resources as :func:`list_resources` does."""
        return list_resources(self._kind, session, *args, **kwargs)


class _Listing:
    """A list on its way."""

    def __init__(
        self,
        kind: type[sdk_resource.Resource],
        session: Any,
        microversion: str | None,
        base_path: str | None,
        params: dict[str, Any],
    ) -> None:
        self._kind = kind
        self._session = session
        self._microversion = microversion or sdk.microversion(kind, session)
        path = kind.base_path if base_path is None else base_path
        self.path = path % params
        self.query = sdk.wire_query(kind, params, path)
        query_names = sdk.query_names(kind)
        self._next_link = sdk.next_link(kind)
        self._limit = self.query.get('limit')
        #: Pages of a size that the caller has not chosen.
        self._delivery: page_end.Delivery | None = None
        self._pages_by_marker = getattr(kind, 'pages_by_marker', False)
        self.headers = {'Accept': 'application/json'}
        self.is_paginated = True
        self.max_items: int | None = None
        components = {name: getattr(kind, name, None) for name in params}
        self._from_path = {
            name: params[name]
            for name, component in components.items()
            if isinstance(component, fields.URI)
        }
        # What the service cannot choose by is chosen by here.
        self._conditions = {
            name: params[name]
            for name, component in components.items()
            if isinstance(component, fields.Body) and name not in query_names
        }
        self._id_name = sdk.id_name(kind)
        self._taken = 0
        self._was_linked = False
        self._has_been_full = False
        self._ids: list[Any] = []
        self._markers = {_told_marker(self.query)} - {''}

    def choose_size(self, size: int) -> None:
        """Choose how many items a page is asked for.

        :param size: How many, unless the cloud is known to deliver less.
        """
        self._delivery = page_end.Delivery(self._session, size, self.path)
        self._note_size()

    def _note_size(self) -> None:
        if self._delivery is not None:
            self.query = {**self.query, 'limit': self._delivery.size}
            if self._pages_by_marker:
                self._limit = self._delivery.size

    def fetch(
        self, uri: str, query: dict[str, Any], *, is_guess: bool = False
    ) -> Page[Any]:
        """Fetch a page.

        :param uri: Where from.
        :param query: With which parameters.
        :param is_guess: Whether nothing says that there is such a page.
        """
        try:
            response = self._request(uri, query)
        except exceptions.PagingError as error:
            if not is_guess:
                raise
            # An end that cannot be shown any more.
            _logger.warning("Perhaps not all of %s: %s", self.path, error)
            return Page((), None)
        data, found = self._read(response)
        ids = [item.get(self._id_name) for item in found]
        if is_guess and ids == self._ids:
            # The cloud has one page, whatever it is asked for.
            return Page((), None)
        check_progress(ids, self._ids)
        self._ids = ids
        if self.max_items:
            found = found[: self.max_items - self._taken]
        self._taken += len(found)
        builder = lazy.Builder(
            self._kind, sdk.connection_of(self._session), self._microversion
        )
        for item in found if self._from_path else ():
            item.update(self._from_path)
        return Page(
            self._choose(map(builder.defer, found)),
            self._following(uri, query, response, data, builder, found),
        )

    def _request(self, uri: str, query: dict[str, Any]) -> requests.Response:
        """Return a page's answer, for which a smaller one may be asked."""
        if self._delivery is None:
            return self._request_once(uri, query)
        response = self._delivery.fetch(
            lambda size, **options: self._request_once(
                uri, {**query, 'limit': size}, **options
            )
        )
        self._note_size()
        return response

    def _request_once(
        self, uri: str, query: dict[str, Any], **options: Any
    ) -> requests.Response:
        response: requests.Response = self._session.get(
            uri,
            headers=self.headers.copy(),
            params=query.copy(),
            microversion=self._microversion,
            **options,
        )
        self._check(response)
        return response

    def _check(self, response: requests.Response) -> None:
        try:
            exceptions.raise_from_response(response)
        except sdk_exceptions.HttpException as error:
            if not self._ids or response.status_code not in page_end.REFUSALS:
                raise
            raise exceptions.PagingError(
                f"The list cannot be continued after {self._taken} items: "
                f"the cloud refuses to go on from {self._ids[-1]}, which was "
                f"probably deleted meanwhile. List again from the beginning "
                f"({error})"
            ) from error

    def _read(
        self, response: requests.Response
    ) -> tuple[Any, list[dict[str, Any]]]:
        """Return an answer's value, and the page that it has."""
        key = self._kind.resources_key
        try:
            data = response.json()
            found = data[key] if key else data
        except (ValueError, LookupError, TypeError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(
            isinstance(item, dict) for item in found
        ):
            where = f" under {key}" if key else ""
            raise exceptions.InvalidAnswerError(
                f"Cannot list {self.path}: the response has no list of "
                f"objects{where}"
            )
        return data, found

    def _following(
        self,
        uri: str,
        query: dict[str, Any],
        response: requests.Response,
        data: Any,
        builder: lazy.Builder,
        found: list[dict[str, Any]],
    ) -> Callable[[], Page[Any]] | None:
        """Return what fetches the page after this one, if any."""
        has_enough = self.max_items and self._taken >= self.max_items
        if not found or not self.is_paginated or has_enough:
            return None
        try:
            # A page's last one may be asked for what comes after it.
            marker = builder.defer(dict(found[-1])).id
            there, parameters = self._next_link(
                uri,
                response,
                data,
                marker,
                None if self._pages_by_marker else self._limit,
                self._taken,
            )
            is_linked = bool(there)
            self._has_been_full |= len(found) >= int(self._limit or 0)
            self._was_linked |= is_linked
            is_guess = not is_linked and self._is_guess(data, found)
            if not there and self._goes_on(data, found):
                if is_guess and not isinstance(marker, str):
                    return None
                check_marker(marker)
                there = uri
                parameters = {'marker': marker, 'limit': self._limit}
            if not there:
                return None
            origin.check_answered(there)
            told = _told_marker(parameters) or there + repr(parameters)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise exceptions.InvalidAnswerError(
                f"Cannot list {self.path}: the response's link to the next "
                f"page cannot be read"
            ) from error
        if told in self._markers:
            raise _repeats()
        self._markers.add(told)
        kept = {
            name: value
            for name, value in query.items()
            if name not in ('marker', 'limit')
        }
        return lambda: self.fetch(
            there, {**kept, **parameters}, is_guess=is_guess
        )

    def _is_guess(self, data: Any, found: list[Any]) -> bool:
        """Whether nothing says that there is a page after a short one."""
        return page_end.total(data) is None and page_end.is_short(
            len(found), int(self._limit or 0)
        )

    def _goes_on(self, data: Any, found: list[Any]) -> bool:
        """Whether a page without a link to the next one may have one."""
        if not self._pages_by_marker or not self._limit or self._was_linked:
            return False
        return not page_end.is_last(
            len(found),
            int(self._limit),
            taken=self._taken,
            body=data,
            query=self.query,
            has_been_full=self._has_been_full,
        )

    def _choose(self, resources: Iterable[Any]) -> Iterable[Any]:
        if not self._conditions:
            return resources
        return (
            each
            for each in resources
            if _holds(
                self._conditions,
                {name: getattr(each, name) for name in self._conditions},
            )
        )


def _holds(conditions: Mapping[str, Any], values: Any) -> bool:
    """Whether values are what they should be, those within values too."""
    return isinstance(values, Mapping) and all(
        _holds(wanted, values.get(name))
        if isinstance(wanted, dict)
        else values.get(name) == wanted
        for name, wanted in conditions.items()
    )


def _told_marker(parameters: Mapping[str, Any]) -> str:
    """Return the marker that a page begins after, or nothing."""
    marker = parameters.get('marker') or ''
    # Taken from a URL, it is a list of the one.
    return str(marker[0] if isinstance(marker, list) else marker)
