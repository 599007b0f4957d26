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
        page = self.ids[begin : begin + min(asked, self.largest)]
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


@pytest.mark.parametrize('largest', [10, 25, 50, 64, 100, 128, 200, 256, 400])
@pytest.mark.parametrize('pages', [1, 2, 3.5], ids=str)
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


@pytest.mark.parametrize('number', [0, 1, 9, 11, 137, 499, 1001])
def test_an_end_that_nothing_speaks_against_takes_no_request(
    conn: connection.Connection, shelf: Callable[..., Shelf], number: int
) -> None:
    cloud = shelf(number)

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert len(cloud.limits) == number // 1000 + 1


def test_a_limit_that_has_shown_itself_ends_a_list(
    conn: connection.Connection, shelf: Callable[..., Shelf]
) -> None:
    cloud = shelf(250, 100)

    assert ids(conn.ims.cloud_images()) == cloud.ids
    assert len(cloud.limits) == 3


def test_tags_come_in_small_pages(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    pages = [
        [f'k{50 * page + each}.v' for each in range(50)] for page in (0, 1)
    ]
    answers.get(TAGS, [{'json': {'tags': page}} for page in (*pages, [])])

    assert len(list(conn.ims.tags())) == 100


def test_tagged_images_come_in_small_pages(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    pages = [
        [{'resource_id': f'i{50 * page + each}'} for each in range(50)]
        for page in (0, 1)
    ]
    answers.post(
        SEARCH, [{'json': {'resources': page}} for page in (*pages, [])]
    )

    assert len(list(conn.ims.images_by_tags())) == 100


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
