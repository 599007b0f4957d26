# SPDX-License-Identifier: Apache-2.0
"""What a caller's own code raises reaches the caller as it is.

The cloud is not blamed for it, nor the caller for the cloud.
"""

from collections.abc import Callable, Iterator
import io
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions

from .conftest import IMS_URL

IMAGES = f'{IMS_URL}/v2/images'
IMAGE: dict[str, Any] = {'id': 'i1', 'name': 'golden', 'status': 'queued'}

ERRORS = pytest.mark.parametrize(
    'error',
    [
        ArithmeticError('mine'),
        AttributeError('mine'),
        Exception('mine'),
        KeyError('mine'),
        OSError('mine'),
        RecursionError('mine'),
        TimeoutError('mine'),
        TypeError('mine'),
        ValueError('mine'),
        sdk_exceptions.SDKException('mine'),
        sdk_exceptions.NotFoundException('mine'),
    ],
    ids=lambda error: type(error).__name__,
)


def raising(error: BaseException) -> Callable[..., Any]:
    """Return a function that raises an error."""

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


class BrokenFile(io.BytesIO):
    """A file that can be read up to some point."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(b'x' * 100_000)
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes, or fail."""
        if self.tell() > 50_000:
            raise self._error
        return super().read(20_000)


def broken_generator(error: BaseException) -> Iterator[bytes]:
    """Give some data, and fail."""
    yield b'x' * 1_000
    raise error


def notes(error: BaseException) -> list[str]:
    """Return what was said of an error afterwards."""
    return getattr(error, '__notes__', [])


# ====== WAITING ======


@ERRORS
@pytest.mark.parametrize('method', ['wait_for_status', 'wait_for_delete'])
def test_a_callback_of_a_wait(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    method: str,
    error: Exception,
) -> None:
    answers.get(f'{IMAGES}/i1', json=IMAGE)
    image = conn.ims.get_image('i1')
    status = ['active'] if method == 'wait_for_status' else []

    with pytest.raises(type(error)) as caught:
        getattr(conn.ims, method)(
            image, *status, interval=0.001, wait=5, callback=raising(error)
        )

    assert caught.value is error


@ERRORS
def test_a_progress_callback_of_a_wait_for_a_job(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    error: Exception,
) -> None:
    answers.get(requests_mock.ANY, json={'job_id': 'j1', 'status': 'RUNNING'})

    with pytest.raises(type(error)) as caught:
        conn.ims.wait_for_job('j1', progress=raising(error))

    assert caught.value is error


# ====== DATA ======


def upload(
    answers: requests_mock.Mocker, *, is_deletable: bool = True
) -> None:
    """Prepare the answers to the creation of an image with data."""

    def take(request: Any, context: Any) -> str:
        body = request.body
        if hasattr(body, 'read'):
            while body.read(8192):
                pass
        else:
            for _ in body:
                pass
        context.status_code = 204
        return ''

    answers.get(f'{IMAGES}/golden', status_code=404)
    answers.get(IMAGES, json={'images': []})
    answers.post(IMAGES, json=IMAGE, status_code=201)
    answers.put(f'{IMAGES}/i1/file', text=take)
    answers.delete(f'{IMAGES}/i1', status_code=204 if is_deletable else 403)


SOURCES = pytest.mark.parametrize('source', [BrokenFile, broken_generator])


@ERRORS
@SOURCES
def test_the_data_of_a_new_image(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    source: Callable[[Exception], Any],
    error: Exception,
) -> None:
    upload(answers)

    with pytest.raises(type(error)) as caught:
        conn.ims.create_image(
            'golden', data=source(error), validate_checksum=False
        )

    assert caught.value is error
    assert answers.last_request.method == 'DELETE'
    assert not any('image' in note for note in notes(error))


@SOURCES
def test_an_image_that_is_left_without_its_data_is_told(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    source: Callable[[Exception], Any],
) -> None:
    upload(answers, is_deletable=False)

    with pytest.raises(ValueError, match='mine') as caught:
        conn.ims.create_image(
            'golden', data=source(ValueError('mine')), validate_checksum=False
        )

    [note] = notes(caught.value)
    assert note == (
        "Left behind: the image i1, perhaps without data; "
        "'openstack ims image delete i1' deletes it"
    )


def test_an_interrupted_upload_tells_of_the_image(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    upload(answers)

    with pytest.raises(KeyboardInterrupt) as caught:
        conn.ims.create_image(
            'golden',
            data=broken_generator(KeyboardInterrupt()),  # type: ignore[arg-type]
            validate_checksum=False,
        )

    assert 'i1' in notes(caught.value)[0]


@ERRORS
@SOURCES
def test_the_data_of_any_request(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    source: Callable[[Exception], Any],
    error: Exception,
) -> None:
    upload(answers)

    with pytest.raises(type(error)) as caught:
        conn.ims.put('/images/i1/file', data=source(error))

    assert caught.value is error


class BrokenOutput(io.BytesIO):
    """A file that nothing can be written to."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def write(self, data: Any, /) -> int:
        """Fail."""
        raise self._error


@ERRORS
def test_the_file_that_an_image_is_written_to(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    error: Exception,
) -> None:
    answers.get(f'{IMAGES}/i1', json=IMAGE)
    answers.get(
        f'{IMAGES}/i1/file',
        content=b'x' * 100,
        headers={'Content-Type': 'application/octet-stream'},
    )

    with pytest.raises(type(error)) as caught:
        conn.ims.download_image('i1', output=BrokenOutput(error))

    assert caught.value is error


# ====== LISTS ======


def test_an_odd_answer_to_another_request_does_not_spoil_a_list(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    pages = [
        {
            'images': [{'id': 'i1'}, {'id': 'i2'}],
            'next': '/v2/images?marker=i2',
        },
        {'images': [{'id': 'i3'}]},
    ]
    answers.get(IMAGES, [{'json': page} for page in pages])
    answers.get(f'{IMS_URL}/v2/other', status_code=302, text='<')
    found = []

    for image in conn.ims.images():
        found.append(image.id)
        conn.ims.get('/other')

    assert found == ['i1', 'i2', 'i3']


@ERRORS
def test_the_body_of_a_loop_over_a_list(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    error: Exception,
) -> None:
    answers.get(IMAGES, json={'images': [IMAGE]})
    images = conn.ims.images()
    next(images)

    with pytest.raises(type(error)) as caught:
        images.throw(error)

    assert caught.value is error


# ====== THE CALLER'S SESSION ======


@ERRORS
def test_a_hook_of_the_callers_session(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    error: Exception,
) -> None:
    answers.get(f'{IMAGES}/i1', json=IMAGE)
    conn.ims.get_image('i1')
    session: Any = conn.session
    session.session.hooks['response'].append(raising(error))

    with pytest.raises(Exception, match='mine') as caught:
        conn.ims.get_image('i1')

    assert not isinstance(caught.value, exceptions.InvalidAnswerError)
