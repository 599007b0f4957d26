# SPDX-License-Identifier: Apache-2.0
"""Lists in pages: all of it, once, with no more requests than needed."""

from collections.abc import Callable
import gc
import itertools
import os
import signal
import threading
from typing import Any
import urllib.parse
import warnings

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.image.v2 import image as native_image
import pytest
import requests
import requests_mock

from ims_ext import exceptions
from ims_ext import paging
from ims_ext import resource
from ims_ext.extension import job
from ims_ext.transport import retry

from .conftest import IMS_URL
from .conftest import PROJECT_ID

EXTENSION = f'{IMS_URL}/v2/cloudimages'
NATIVE = f'{IMS_URL}/v2/images'

Pages = Callable[..., Any]


class Shelf:
    """A cloud's images, given in pages as the clouds do.

    :ivar queries: The requests' parameters, in their order.
    :ivar largest: The most images on a page, whatever is asked for.
    """

    def __init__(self, number: int) -> None:
        self.ids = [f'i{each}' for each in range(number)]
        self.queries: list[dict[str, str]] = []
        self.largest = 10_000
        self.has_links = False

    def answer(self, request: Any, context: Any) -> dict[str, Any]:
        query = dict(
            urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query)
        )
        self.queries.append(query)
        size = min(int(query.get('limit', 25)), self.largest)
        begin = 0
        if 'marker' in query:
            if query['marker'] not in self.ids:
                context.status_code = 400
                return {'error': {'code': 'IMG.0027', 'message': 'no marker'}}
            begin = self.ids.index(query['marker']) + 1
        page = self.ids[begin : begin + size]
        found: dict[str, Any] = {'images': [{'id': each} for each in page]}
        if self.has_links and len(page) == size:
            link = urllib.parse.urlencode({**query, 'marker': page[-1]})
            found['next'] = f'/v2/images?{link}'
        return found


@pytest.fixture
def shelf(answers: requests_mock.Mocker) -> Callable[[int], Shelf]:
    """Give the cloud a number of images."""

    def fill(number: int) -> Shelf:
        made = Shelf(number)
        answers.get(EXTENSION, json=made.answer)
        native = Shelf(number)
        native.queries = made.queries
        native.has_links = True
        native.largest = 1000
        answers.get(NATIVE, json=native.answer)
        return made

    return fill


@pytest.fixture
def impatient(conn: connection.Connection) -> None:
    """Do not ask again after what may pass."""
    conn.ims.retry_policy = retry.Policy(retries=0, doubtful_retries=0)


def ids(images: Any) -> list[str]:
    return [image.id for image in images]


def prefetching() -> list[threading.Thread]:
    return [
        each
        for each in threading.enumerate()
        if each.name.startswith('ims-next-page')
    ]


LISTS = pytest.mark.parametrize('name', ['cloud_images', 'images'])


@LISTS
def test_10000_images_take_11_requests(
    conn: connection.Connection, shelf: Callable[[int], Shelf], name: str
) -> None:
    cloud = shelf(10_000)

    assert ids(getattr(conn.ims, name)()) == cloud.ids
    assert len(cloud.queries) <= 11


@LISTS
def test_a_limit_is_the_size_of_a_page(
    conn: connection.Connection, shelf: Callable[[int], Shelf], name: str
) -> None:
    cloud = shelf(5)

    assert ids(getattr(conn.ims, name)(limit=2)) == cloud.ids
    assert {each['limit'] for each in cloud.queries} == {'2'}


def test_a_native_list_may_leave_the_size_to_the_cloud(
    conn: connection.Connection, shelf: Callable[[int], Shelf]
) -> None:
    cloud = shelf(3)

    assert ids(conn.ims.images(limit=None)) == cloud.ids
    assert cloud.queries == [{}]


@pytest.mark.parametrize('largest', [500, 600, 999])
def test_no_image_is_lost_where_the_cloud_has_smaller_pages(
    conn: connection.Connection, shelf: Callable[[int], Shelf], largest: int
) -> None:
    cloud = shelf(2100)
    cloud.largest = largest

    assert ids(conn.ims.cloud_images()) == cloud.ids


def test_a_list_smaller_than_any_page_takes_one_request_more(
    conn: connection.Connection, shelf: Callable[[int], Shelf]
) -> None:
    cloud = shelf(499)

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert len(cloud.queries) == 2


@LISTS
@pytest.mark.parametrize(
    ('query', 'number'),
    [
        ({'max_items': 3}, 3),
        ({'max_items': 3, 'limit': 2}, 3),
        ({'max_items': 4, 'limit': 2}, 4),
        ({'max_items': 50}, 7),
        ({'paginated': False, 'limit': 2}, 2),
        ({'paginated': True, 'limit': 2}, 7),
        ({'marker': 'i4'}, 2),
    ],
    ids=str,
)
def test_openstacksdks_bounds_hold(
    conn: connection.Connection,
    shelf: Callable[[int], Shelf],
    name: str,
    query: dict[str, Any],
    number: int,
) -> None:
    cloud = shelf(7)
    begin = 5 if 'marker' in query else 0

    found = ids(getattr(conn.ims, name)(**query))

    assert found == cloud.ids[begin : begin + number]
    if 'max_items' in query:
        # One more where less than was wanted is there.
        pages = -(-number // int(query.get('limit', 7)))
        assert len(cloud.queries) <= pages + (query['max_items'] > number)


def test_as_many_as_are_wanted_are_asked_for(
    conn: connection.Connection, shelf: Callable[[int], Shelf]
) -> None:
    cloud = shelf(7)

    list(conn.ims.cloud_images(max_items=3))
    list(conn.ims.images(max_items=3))

    assert cloud.queries == [{'limit': '3'}, {'limit': '3'}]


def test_native_images_are_chosen_by_what_the_service_cannot_choose_by(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    page = [
        {'id': 'i1', 'min_disk': 2, 'metadata': {'a': 1, 'b': 2}},
        {'id': 'i2', 'min_disk': 2, 'metadata': {'a': 2}},
        {'id': 'i3', 'min_disk': 3, 'metadata': {'a': 1}},
        {'id': 'i4'},
    ]
    answers.get(NATIVE, json={'images': page})

    assert ids(conn.ims.images(min_disk=2)) == ['i1', 'i2']
    assert ids(conn.ims.images(metadata={'a': 1})) == ['i1', 'i3']
    assert ids(conn.ims.images(own='x')) == ['i1', 'i2', 'i3', 'i4']


def test_native_images_are_openstacksdks(
    conn: connection.Connection, shelf: Callable[[int], Shelf]
) -> None:
    shelf(2)
    first, second = conn.ims.images()

    assert isinstance(first, native_image.Image)
    assert (
        first.to_dict()
        == native_image.Image.existing(connection=conn, id='i0').to_dict()
    )
    assert type(first) is resource.native(native_image.Image)
    assert repr(second).startswith('openstack.image.v2.image.Image(id=i1')


# ====== FETCHING AHEAD ======


@LISTS
def test_the_first_image_takes_one_request(
    conn: connection.Connection, shelf: Callable[[int], Shelf], name: str
) -> None:
    cloud = shelf(9)

    images = getattr(conn.ims, name)(limit=3)
    assert cloud.queries == []
    next(images)

    assert len(cloud.queries) == 1
    assert not prefetching()


@LISTS
def test_no_more_than_one_page_is_fetched_ahead(
    conn: connection.Connection, shelf: Callable[[int], Shelf], name: str
) -> None:
    cloud = shelf(9)
    images = getattr(conn.ims, name)(limit=3)
    requests_sent = []

    for _ in images:
        for thread in prefetching():
            thread.join()
        requests_sent.append(len(cloud.queries))

    assert requests_sent[:8] == [1, 2, 2, 2, 3, 3, 3, 4]


def test_the_next_page_is_on_its_way_while_one_is_looked_at(
    conn: connection.Connection, shelf: Callable[[int], Shelf]
) -> None:
    shelf(4)
    asked, looked_at = threading.Event(), threading.Event()
    fetch = conn.ims.get

    def wait(*args: Any, params: dict[str, Any], **kwargs: Any) -> Any:
        if 'marker' in params:
            asked.set()
            assert looked_at.wait(10)
        return fetch(*args, params=params, **kwargs)

    conn.ims.get = wait
    images = conn.ims.cloud_images(limit=2)
    found = ids([next(images), next(images)])

    assert asked.wait(10)
    looked_at.set()

    assert found + ids(images) == ['i0', 'i1', 'i2', 'i3']


def _close(images: Any) -> None:
    images.close()


def _collect(images: Any) -> None:
    del images
    gc.collect()


def _interrupt(images: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        images.throw(KeyboardInterrupt())


def _break(images: Any) -> None:
    for _ in images:
        break


@pytest.mark.parametrize('leave', [_close, _collect, _interrupt, _break])
def test_a_list_that_is_left_leaves_no_thread(
    conn: connection.Connection,
    shelf: Callable[[int], Shelf],
    leave: Callable[[Any], None],
) -> None:
    shelf(9)
    images = [conn.ims.cloud_images(limit=3)]
    next(images[0])
    next(images[0])

    leave(images.pop())
    gc.collect()

    assert not prefetching()


def test_a_list_that_is_left_does_not_wait_for_a_slow_page(
    conn: connection.Connection,
    shelf: Callable[[int], Shelf],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf(9)
    monkeypatch.setattr(paging, '_PATIENCE', 0.01)
    left = threading.Event()
    fetch = conn.ims.get

    def wait(*args: Any, params: dict[str, Any], **kwargs: Any) -> Any:
        assert 'marker' not in params or left.wait(10)
        return fetch(*args, params=params, **kwargs)

    conn.ims.get = wait
    images = conn.ims.cloud_images(limit=3)
    next(images)
    next(images)
    images.close()

    [thread] = prefetching()
    left.set()
    thread.join(10)
    assert not prefetching()


def test_a_list_needs_no_thread_where_there_can_be_none(
    conn: connection.Connection,
    shelf: Callable[[int], Shelf],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud = shelf(5)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', refuse)

    assert ids(conn.ims.cloud_images(limit=2)) == cloud.ids


@pytest.mark.skipif(not hasattr(os, 'fork'), reason="needs fork")
@pytest.mark.filterwarnings('ignore:.*multi-threaded:DeprecationWarning')
def test_a_list_goes_on_in_a_process_that_was_forked_meanwhile() -> None:
    parent = os.getpid()
    forked = threading.Event()

    def fetch_last() -> paging.Page[int]:
        if os.getpid() == parent:
            assert forked.wait(10)
        return paging.Page([2], None)

    items = paging.walk(lambda: paging.Page([0, 1], fetch_last))
    found = [next(items), next(items)]

    child = os.fork()
    if not child:
        # A process that hangs ends, and not well.
        signal.alarm(10)
        os._exit(sum(items))
    forked.set()

    assert [*found, *items] == [0, 1, 2]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def _raised(error: Exception) -> dict[str, Any]:
    return {'exc': error}


@LISTS
@pytest.mark.parametrize(
    ('answer', 'expected'),
    [
        ({'status_code': 403, 'json': {}}, exceptions.ForbiddenError),
        (
            {'status_code': 503, 'json': {}},
            exceptions.CloudImageHttpError,
        ),
        (
            _raised(requests.exceptions.ConnectionError('gone')),
            ksa_exceptions.ConnectFailure,
        ),
        ({'text': '{"images": ['}, exceptions.InvalidAnswerError),
    ],
    ids=['forbidden', 'unavailable', 'cut', 'unreadable'],
)
@pytest.mark.usefixtures('impatient')
def test_a_failure_ahead_is_told_where_the_page_would_be(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    name: str,
    answer: dict[str, Any],
    expected: type[Exception],
) -> None:
    page = {
        'images': [{'id': 'a'}, {'id': 'b'}],
        'next': '/v2/images?limit=2&marker=b',
    }
    for url in (EXTENSION, NATIVE):
        answers.get(url, [{'json': page}, answer])
    images = getattr(conn.ims, name)(limit=2)
    found = ids(itertools.islice(images, 2))
    for thread in prefetching():
        thread.join()

    with pytest.raises(expected):
        next(images)
    assert found == ['a', 'b']


# ====== STRANGE PAGES ======


@LISTS
def test_an_image_that_is_deleted_while_a_list_goes_on_is_told(
    conn: connection.Connection, answers: requests_mock.Mocker, name: str
) -> None:
    page = {
        'images': [{'id': 'a'}, {'id': 'b'}],
        'next': '/v2/images?limit=2&marker=b',
    }
    refusal = {'error': {'code': 'IMG.0027', 'message': 'no such marker'}}
    for url in (EXTENSION, NATIVE):
        answers.get(
            url, [{'json': page}, {'json': refusal, 'status_code': 400}]
        )

    with pytest.raises(
        exceptions.PagingError, match=r'go on from b.*IMG\.0027'
    ):
        list(getattr(conn.ims, name)(limit=2))


@LISTS
def test_a_marker_of_the_callers_is_refused_as_it_is(
    conn: connection.Connection, answers: requests_mock.Mocker, name: str
) -> None:
    for url in (EXTENSION, NATIVE):
        answers.get(url, json={}, status_code=400)

    with pytest.raises(exceptions.BadRequestError):
        list(getattr(conn.ims, name)(marker='x'))


@pytest.mark.parametrize(
    'pages',
    [
        # The cloud does not look at the marker,
        [['a', 'b'], ['a', 'b']],
        # sends the last images again,
        [['a', 'b'], ['c', 'd'], ['a', 'b']],
        # or others that end with the same one.
        [['a', 'b'], ['c', 'b']],
    ],
)
@LISTS
def test_pages_that_repeat_raise(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    name: str,
    pages: list[list[str]],
) -> None:
    for url in (EXTENSION, NATIVE):
        answers.get(
            url,
            [
                {
                    'json': {
                        'images': [{'id': each} for each in page],
                        'next': f'/v2/images?limit=2&marker={page[-1]}',
                    }
                }
                for page in pages
            ],
        )

    with pytest.raises(exceptions.PagingError, match='same page'):
        list(getattr(conn.ims, name)(limit=2))


def test_a_link_to_the_page_itself_raises(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        NATIVE,
        [
            {'json': {'images': [{'id': f'i{n}'}], 'next': '/v2/images?x=1'}}
            for n in range(3)
        ],
    )

    with pytest.raises(exceptions.PagingError, match='same page'):
        list(conn.ims.images())


@LISTS
@pytest.mark.parametrize(
    'page',
    [
        {},
        [],
        None,
        1,
        'images',
        {'images': None},
        {'images': {}},
        {'images': {'id': 'i1'}},
        {'images': 'i1'},
        {'images': [None]},
        {'images': ['i1']},
        {'images': [[]]},
        {'images': [{'id': 'i1'}, 1]},
        {'image': []},
    ],
    ids=str,
)
def test_a_page_that_is_none_is_refused(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    name: str,
    page: Any,
) -> None:
    for url in (EXTENSION, NATIVE):
        answers.get(url, json=page)

    with pytest.raises(exceptions.InvalidAnswerError, match='images'):
        list(getattr(conn.ims, name)())


@pytest.mark.parametrize(
    'extra',
    [
        {'next': 1},
        {'next': ['/v2/images']},
        {'links': 1},
        {'links': [None]},
        {'links': 'next'},
        {'links': [{'rel': 'next', 'href': 5}]},
    ],
    ids=str,
)
def test_a_link_that_is_none_is_refused(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    extra: dict[str, Any],
) -> None:
    answers.get(NATIVE, json={'images': [{'id': 'i1'}], **extra})

    with pytest.raises(exceptions.InvalidAnswerError, match='next page'):
        list(conn.ims.images())


@pytest.mark.parametrize('last', [{}, {'id': None}, {'id': ''}, {'id': [1]}])
def test_a_list_that_cannot_be_continued_is_told(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    last: dict[str, Any],
) -> None:
    answers.get(EXTENSION, json={'images': [{'id': 'i1'}, last]})

    with pytest.raises(exceptions.InvalidAnswerError, match='ID'):
        list(conn.ims.cloud_images(limit=2))


def test_images_without_ids_are_listed_where_none_is_needed(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(EXTENSION, json={'images': [{'name': 'x'}, {'name': 'y'}]})

    assert [each.name for each in conn.ims.cloud_images()] == ['x', 'y']


# ====== OTHER LISTS ======


def test_tags_and_tagged_images_are_fetched_ahead(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    number = [0]

    def found(request: Any, context: Any) -> dict[str, Any]:
        number[0] += 1
        return {
            'resources': [
                {'resource_id': f'{number[0]}-{each}'} for each in range(2)
            ],
            'total_count': 6,
            'tags': [f'{number[0]}-{each}=' for each in range(2)],
        }

    answers.get(f'{IMS_URL}/v1/cloudimages/tags', json=found)
    answers.post(
        f'{IMS_URL}/v2/{PROJECT_ID}/images/resource_instances/action',
        json=found,
    )
    sent = []
    for listed in (
        conn.ims.tags(limit=2),
        conn.ims.images_by_tags(tags=['x'], limit=2),
    ):
        number[0] = 0
        for _ in range(3):
            next(listed)
            for thread in prefetching():
                thread.join()
            sent.append(number[0])
        listed.close()

    assert sent == [1, 2, 2, 1, 2, 2]


def test_a_list_that_is_not_allowed_is_not_asked_for(
    conn: connection.Connection,
) -> None:
    with pytest.raises(sdk_exceptions.MethodNotSupported):
        list(job.Job.list(conn.ims))


def test_legacy_images_are_one_page(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        f'{IMS_URL}/v1.1/images/detail', json={'images': [{'id': 'i1'}]}
    )

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        assert ids(conn.ims.legacy_images()) == ['i1']
