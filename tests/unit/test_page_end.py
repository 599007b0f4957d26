# SPDX-License-Identifier: Apache-2.0
"""Lists whose pages are not as large as asked for, and when they end."""

from collections.abc import Callable
import json
from typing import Any
import urllib.parse

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests
import requests_mock

from ims_ext import exceptions
from ims_ext import page_end

from .conftest import IMS_URL
from .conftest import PROJECT_ID

EXTENSION = f'{IMS_URL}/v2/cloudimages'
NATIVE = f'{IMS_URL}/v2/images'
TAGS = f'{IMS_URL}/v1/cloudimages/tags'
SEARCH = f'{IMS_URL}/v2/{PROJECT_ID}/images/resource_instances/action'


class Shelf:
    """A cloud's images, in pages that are cut in some way.

    :ivar limits: The sizes that were asked for.
    """

    def __init__(self, number: int, largest: int = 10_000) -> None:
        self.ids = [f'i{each}' for each in range(number)]
        self.limits: list[int] = []
        self.largest = largest
        self.extra: dict[str, Any] = {}
        self.cuts: list[int] = []
        self.link: str | None = None
        self.deliver: Callable[[Any, int], Any] | None = None

    def answer(self, request: Any, context: Any) -> Any:
        query = dict(
            urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query)
        )
        asked = int(query.get('limit', 25))
        self.limits.append(asked)
        begin = 0
        if 'marker' in query:
            begin = self.ids.index(query['marker']) + 1
        largest = self.cuts.pop(0) if self.cuts else self.largest
        page = self.ids[begin : begin + min(asked, largest)]
        found = {'images': [{'id': each} for each in page], **self.extra}
        rest = self.ids[begin + len(page) :]
        if self.link and rest:
            query |= {'marker': page[-1]}
            found['next'] = self.link + urllib.parse.urlencode(query)
        if self.deliver and (other := self.deliver(context, len(page))):
            return other
        return json.dumps(found)


@pytest.fixture
def shelf(answers: requests_mock.Mocker) -> Callable[..., Shelf]:
    """Give the cloud images."""

    def fill(*args: int) -> Shelf:
        made = Shelf(*args)
        answers.get(EXTENSION, text=made.answer)
        answers.get(NATIVE, text=made.answer)
        return made

    return fill


def ids(images: Any) -> list[str]:
    return [image.id for image in images]


# ====== A SHORT PAGE IS NOT THE LAST ONE ======


@pytest.mark.parametrize(
    'largest', [1, 3, 7, 10, 25, 33, 64, 100, 137, 256, 400, 499]
)
@pytest.mark.parametrize('pages', [1, 1.5, 2, 3.5], ids=str)
def test_pages_are_smaller_than_documented(
    conn: connection.Connection,
    shelf: Callable[..., Shelf],
    largest: int,
    pages: float,
) -> None:
    cloud = shelf(int(largest * pages), largest)

    assert ids(conn.ims.cloud_images()) == cloud.ids


@pytest.mark.parametrize(
    'link',
    [
        '/v2/cloudimages?',
        f'{EXTENSION}?',
        'http://10.1.2.3:8080/v2/cloudimages?',
        '?',
    ],
)
@pytest.mark.parametrize('largest', [7, 33, 499])
def test_a_link_to_the_next_page_is_followed(
    conn: connection.Connection,
    shelf: Callable[..., Shelf],
    link: str,
    largest: int,
) -> None:
    cloud = shelf(2 * largest + 1, largest)
    cloud.link = link

    assert ids(conn.ims.cloud_images()) == cloud.ids


@pytest.mark.parametrize('name', ['total', 'total_count', 'totalCount'])
@pytest.mark.parametrize('kind', [int, str])
def test_a_total_says_that_there_is_more(
    conn: connection.Connection,
    shelf: Callable[..., Shelf],
    name: str,
    kind: type,
) -> None:
    cloud = shelf(17, 7)
    cloud.extra = {name: kind(17)}

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert len(cloud.limits) == 3


def test_a_large_answer_may_be_cut_for_its_size(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(411, 137)
    cloud.extra = {'padding': 'x' * 250_000}

    assert ids(conn.ims.cloud_images()) == cloud.ids


def test_pages_that_are_cut_to_different_sizes_are_all_there(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(500)
    cloud.cuts = [137, 129, 131, 5, 98]

    assert ids(conn.ims.cloud_images()) == cloud.ids


@pytest.mark.parametrize('limit', [3, 100])
def test_a_short_page_after_one_as_large_as_asked_for_is_the_last(
    conn: connection.Connection, shelf: Callable[..., Shelf], limit: int
) -> None:
    cloud = shelf(2 * limit + 1)

    assert ids(conn.ims.cloud_images(limit=limit)) == cloud.ids
    assert len(cloud.limits) == 3


@pytest.mark.parametrize('number', [1, 9, 11, 137, 499])
def test_an_end_that_is_not_shown_takes_a_request(
    conn: connection.Connection, shelf: Callable[..., Shelf], number: int
) -> None:
    cloud = shelf(number)

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert len(cloud.limits) == 2


@pytest.mark.parametrize(
    ('number', 'shown', 'query'),
    [
        pytest.param(0, {}, {}, id='empty'),
        pytest.param(137, {'total': 137}, {}, id='total'),
        pytest.param(137, {'total_count': '137'}, {}, id='text'),
        pytest.param(137, {'first': '/v2/cloudimages'}, {}, id='first'),
        pytest.param(1, {}, {'id': 'i0'}, id='id'),
        pytest.param(3, {}, {'name': 'golden'}, id='name'),
        pytest.param(5, {}, {'max_items': 5}, id='max_items'),
    ],
)
def test_an_end_that_is_shown_takes_no_request(
    conn: connection.Connection,
    shelf: Callable[..., Shelf],
    number: int,
    shown: Any,
    query: Any,
) -> None:
    cloud = shelf(number)
    cloud.extra = shown

    assert ids(conn.ims.cloud_images(**query)) == cloud.ids
    assert len(cloud.limits) == 1


def test_the_first_image_takes_one_request(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(137)

    assert next(conn.ims.cloud_images()).id == 'i0'
    assert len(cloud.limits) == 1


def test_a_list_whose_pages_were_linked_ends_without_a_link(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(20, 7)
    cloud.link = '/v2/cloudimages?'

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert len(cloud.limits) == 3


def test_many_of_one_name_may_be_a_page(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(30, 13)

    assert ids(conn.ims.cloud_images(name='golden')) == cloud.ids


def test_a_cloud_that_has_one_page_is_no_error(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(EXTENSION, json={'images': [{'id': 'i0'}, {'id': 'i1'}]})

    assert ids(conn.ims.cloud_images()) == ['i0', 'i1']


@pytest.mark.parametrize('status', [400, 404, 410])
def test_an_end_that_cannot_be_shown_any_more_is_told(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    answers.get(
        EXTENSION,
        [
            {'json': {'images': [{'id': 'i0'}]}},
            {'status_code': status, 'json': {}},
        ],
    )

    assert ids(conn.ims.cloud_images()) == ['i0']
    assert 'Perhaps not all' in caplog.text


def test_a_page_that_there_has_to_be_and_is_not_is_an_error(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        EXTENSION,
        [
            {'json': {'images': [{'id': 'i0'}], 'total': 2}},
            {'status_code': 404, 'json': {}},
        ],
    )

    with pytest.raises(exceptions.PagingError):
        list(conn.ims.cloud_images())


SHORT = pytest.mark.parametrize('largest', [3, 50, 137])


class Tags:
    """A cloud's tags, in pages with numbers."""

    def __init__(self, number: int, largest: int = 10_000) -> None:
        self.tags = [f'k{each}.v' for each in range(number)]
        self.largest = largest
        self.limits: list[int] = []
        self.deliver: Callable[[Any, int], Any] | None = None

    def answer(self, request: Any, context: Any) -> Any:
        query = dict(
            urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query)
        )
        asked = int(query['limit'])
        self.limits.append(asked)
        size = min(asked, self.largest)
        begin = (int(query['page']) - 1) * size
        page = self.tags[begin : begin + size]
        if self.deliver and (other := self.deliver(context, len(page))):
            return other
        return json.dumps({'tags': page})


class Search:
    """A cloud's images, as a search by tags finds them."""

    def __init__(self, number: int, largest: int = 10_000) -> None:
        self.ids = [f'i{each}' for each in range(number)]
        self.largest = largest
        self.limits: list[int] = []
        self.deliver: Callable[[Any, int], Any] | None = None

    def answer(self, request: Any, context: Any) -> Any:
        body = request.json()
        asked = int(body['limit'])
        self.limits.append(asked)
        begin = int(body['offset'])
        page = self.ids[begin : begin + min(asked, self.largest)]
        if self.deliver and (other := self.deliver(context, len(page))):
            return other
        return json.dumps({'resources': [{'resource_id': i} for i in page]})


@SHORT
@pytest.mark.parametrize('pages', [1, 2.5], ids=str)
def test_tags_come_in_small_pages(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    largest: int,
    pages: float,
) -> None:
    cloud = Tags(int(largest * pages), largest)
    answers.get(TAGS, text=cloud.answer)

    assert [f'{each.key}.v' for each in conn.ims.tags()] == cloud.tags


@SHORT
@pytest.mark.parametrize('pages', [1, 2.5], ids=str)
def test_tagged_images_come_in_small_pages(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    largest: int,
    pages: float,
) -> None:
    cloud = Search(int(largest * pages), largest)
    answers.post(SEARCH, text=cloud.answer)

    assert ids(conn.ims.images_by_tags()) == cloud.ids


@pytest.mark.parametrize('status', [400, 404])
def test_a_page_of_tags_that_there_is_not_ends_the_list(
    conn: connection.Connection, answers: requests_mock.Mocker, status: int
) -> None:
    answers.get(
        TAGS,
        [{'json': {'tags': ['a.b']}}, {'status_code': status, 'json': {}}],
    )

    assert [each.key for each in conn.ims.tags()] == ['a']


# ====== PAGES THAT THE CLOUD CANNOT DELIVER ======


def _refuse(status: int) -> Callable[[Any, int], str]:
    def answer(context: Any, count: int) -> str:
        context.status_code = status
        return '{}'

    return answer


def _cut(context: Any, count: int) -> str:
    return '{"images": [{"id": "i0"}, {"id": "i'


def _break(context: Any, count: int) -> str:
    raise requests.exceptions.ChunkedEncodingError("cut")


CUTS = pytest.mark.parametrize(
    'cut',
    [
        pytest.param(_refuse(413), id='413'),
        pytest.param(_refuse(500), id='500'),
        pytest.param(_refuse(502), id='502'),
        pytest.param(_refuse(504), id='504'),
        pytest.param(_cut, id='JSON'),
        pytest.param(_break, id='connection'),
    ],
)


@CUTS
@pytest.mark.parametrize('name', ['cloud_images', 'images'])
def test_a_page_that_cannot_be_had_is_asked_for_in_halves(
    conn: connection.Connection,
    shelf: Callable[..., Shelf],
    cut: Callable[[Any, int], str],
    name: str,
) -> None:
    cloud = shelf(700)
    cloud.link = '/v2/images?' if name == 'images' else None
    cloud.deliver = lambda context, count: count > 200 and cut(context, count)

    assert ids(getattr(conn.ims, name)()) == cloud.ids
    assert {1000, 500, 250, 125} == set(cloud.limits)


@CUTS
def test_tags_are_asked_for_in_halves(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cut: Callable[[Any, int], str],
) -> None:
    cloud = Tags(2345)
    cloud.deliver = lambda context, count: count > 200 and cut(context, count)
    answers.get(TAGS, text=cloud.answer)

    assert [f'{each.key}.v' for each in conn.ims.tags()] == cloud.tags
    assert {1000, 500, 250, 125} == set(cloud.limits)
    cloud.limits.clear()
    assert len(list(conn.ims.tags())) == 2345
    assert set(cloud.limits) == {125}


@CUTS
def test_tagged_images_are_asked_for_in_halves(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cut: Callable[[Any, int], str],
) -> None:
    cloud = Search(2345)
    cloud.deliver = lambda context, count: count > 200 and cut(context, count)
    answers.post(SEARCH, text=cloud.answer)

    assert ids(conn.ims.images_by_tags()) == cloud.ids
    assert {1000, 500, 250, 125} == set(cloud.limits)
    cloud.limits.clear()
    assert ids(conn.ims.images_by_tags()) == cloud.ids
    assert set(cloud.limits) == {125}


def test_tags_become_too_large_in_the_middle_of_a_list(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    cloud = Tags(3100)
    cloud.deliver = lambda context, count: (
        len(cloud.limits) in (3, 4, 5, 6) and _refuse(413)(context, count)
    )
    answers.get(TAGS, text=cloud.answer)

    assert [f'{each.key}.v' for each in conn.ims.tags()] == cloud.tags
    assert cloud.limits[1:7] == [1000, 1000, 500, 250, 125, 50]


@pytest.mark.parametrize('call', ['tags', 'images_by_tags'])
def test_the_callers_own_size_of_other_lists_is_left_as_it_is(
    conn: connection.Connection, answers: requests_mock.Mocker, call: str
) -> None:
    cloud: Any = {'tags': Tags, 'images_by_tags': Search}[call](700)
    cloud.deliver = _refuse(413)
    answers.get(TAGS, text=cloud.answer)
    answers.post(SEARCH, text=cloud.answer)

    with pytest.raises(sdk_exceptions.HttpException):
        list(getattr(conn.ims, call)(limit=300))

    assert set(cloud.limits) == {300}


@CUTS
def test_the_size_is_remembered_for_the_connection(
    conn: connection.Connection,
    shelf: Callable[..., Shelf],
    cut: Callable[[Any, int], str],
) -> None:
    cloud = shelf(700)
    cloud.deliver = lambda context, count: count > 200 and cut(context, count)
    list(conn.ims.cloud_images())
    cloud.limits.clear()

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert set(cloud.limits) == {125}


def test_a_page_becomes_too_large_in_the_middle_of_a_list(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(3000)
    cloud.deliver = lambda context, count: (
        len(cloud.limits) == 2 and _refuse(413)(context, count)
    )

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert cloud.limits[:3] == [1000, 1000, 500]


def test_the_callers_own_size_is_left_as_it_is(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(700)
    cloud.deliver = _refuse(413)

    with pytest.raises(sdk_exceptions.HttpException) as caught:
        list(conn.ims.cloud_images(limit=300))

    assert caught.value.status_code == 413
    assert set(cloud.limits) == {300}


def test_what_no_size_helps_with_is_an_error_and_not_remembered(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(700)
    cloud.deliver = _refuse(413)
    with pytest.raises(sdk_exceptions.HttpException):
        list(conn.ims.cloud_images())
    assert min(cloud.limits) == page_end.SMALLEST
    cloud.deliver = None

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert cloud.limits[-1] == 1000
