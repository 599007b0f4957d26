# SPDX-License-Identifier: Apache-2.0
"""Whatever the cloud answers, a caller gets what is documented.

That is: what the method promises, with attributes that are ``None`` where
the answer cannot be read, or one of the documented exceptions.
"""

from collections.abc import Generator, Iterator
import datetime
import inspect
import itertools
from typing import Any
import warnings

import hypothesis
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
import pytest

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext import reconcile

from . import strange_answer
from . import strange_calls
from . import strange_cloud

#: Characters of the longest message.
LONGEST = 2_000


@pytest.fixture(autouse=True, scope='module')
def _without_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconcile, '_sleep', lambda seconds: None)
        # The bucket side is another service: there is no such object.
        patch.setattr(
            objectstore.ObjectStore, 'age', lambda self, bucket, key: None
        )
        yield


def attributes(kind: type) -> set[str]:
    """Return the names of what can be read from objects of a class."""
    return {
        name
        for name, member in inspect.getmembers_static(kind)
        if not name.startswith('_')
        and isinstance(member, property | sdk_resource.fields._BaseComponent)
    }


def look_at(value: Any) -> None:
    """Read all that there is to be read from what a method has returned."""
    if isinstance(value, Generator):
        for each in itertools.islice(value, 5_000):
            look_at(each)
    elif isinstance(value, sdk_resource.Resource):
        is_own = type(value).__module__.startswith('ims_ext.')
        for name in attributes(type(value)):
            found = getattr(value, name)
            if is_own:
                check(name, found)
        value.to_dict()
        repr(value)
    elif isinstance(value, list | tuple):
        for each in value:
            look_at(each)


def check(name: str, value: Any) -> None:
    """Check an attribute's type where its name tells it."""
    if name.endswith('_datetime'):
        assert value is None or isinstance(value, datetime.datetime)
    elif name.startswith('is_'):
        assert value is None or isinstance(value, bool), (name, value)
    elif name in ('min_disk', 'min_ram', 'size', 'virtual_size', 'os_bit'):
        assert value is None or isinstance(value, int), (name, value)
    elif name == 'progress':
        assert value is None or 0 <= value <= 1


def check_message(error: BaseException) -> None:
    """Check that a message can be shown."""
    for text in (str(error), *getattr(error, '__notes__', ())):
        assert len(text) <= LONGEST, f"{len(text)}: {text[:500]}"
        text.encode('utf-8')
        assert text.replace('\n', '').isprintable(), ascii(text)


@pytest.mark.parametrize('name', strange_calls.CALLS)
@strange_cloud.examples(15)
@hypothesis.given(
    make=strange_answer.strange_answers(),
    only=hypothesis.strategies.sampled_from((None, 0, 0, 1)),
)
def test_a_strange_answer_is_read_or_refused(
    name: str, make: strange_cloud.Make, only: int | None
) -> None:
    conn, cloud = strange_cloud.strange_cloud()
    cloud.prepare(make, only)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            look_at(strange_calls.CALLS[name](conn.ims))
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ) as error:
            check_message(error)


#: A method for each kind of answer.
READERS = (
    *('add_image_members-results', 'api_versions', 'cloud_images'),
    *('count_images_by_tags', 'get_image_schema', 'get_job'),
    *('get_job_progress', 'image_members', 'image_quotas', 'image_tags'),
    *('images', 'images_by_tags', 'legacy_images', 'members'),
    *('os_versions', 'project_tags', 'tags'),
)

#: What is found in place of each part of a documented answer.
FOUND = (
    ...,
    None,
    True,
    2.5,
    'x',
    '7' * 5_000,
    '0001-01-01T00:00:00+14:00',
    [],
    {},
    [None],
    [{}],
)


@pytest.mark.filterwarnings('ignore:The clouds have abandoned')
@pytest.mark.parametrize('name', READERS)
def test_any_part_of_an_answer_may_be_missing_or_something_else(
    name: str,
) -> None:
    conn, cloud = strange_cloud.strange_cloud()
    cloud.prepare(lambda status, body: strange_cloud.Answer())
    look_at(strange_calls.CALLS[name](conn.ims))
    for number, request in enumerate(list(cloud.requests)):
        _, body = strange_cloud.documented(
            str(request.method), str(request.url)
        )
        for place in strange_answer.places(body):
            for junk in FOUND:
                content = strange_answer.to_json(
                    strange_answer.with_junk(body, place, junk)
                )
                answer = strange_cloud.Answer(body=content)
                cloud.prepare(lambda *_, answer=answer: answer, number)
                try:
                    look_at(strange_calls.CALLS[name](conn.ims))
                except sdk_exceptions.SDKException as error:
                    check_message(error)


def test_sub_jobs_of_sub_jobs_without_end_are_not_followed() -> None:
    body: dict[str, Any] = {'job_id': 'last', 'status': 'FAIL'}
    for number in range(150):
        body = {
            'job_id': str(number),
            'status': 'FAIL',
            'entities': {'sub_jobs_result': [body]},
        }
    conn, cloud = strange_cloud.strange_cloud()
    content = strange_answer.to_json(body)
    cloud.prepare(lambda status, body: strange_cloud.Answer(body=content))
    ims: Any = conn.ims

    job = ims.get_job(strange_cloud.JOB_ID)

    assert job.image_id is None
    assert job.failure == (None, None)


def test_every_method_of_this_package_is_called() -> None:
    conn, _ = strange_cloud.strange_cloud()
    own = {
        name
        for name, method in inspect.getmembers(type(conn.ims))
        if callable(method)
        and not name.startswith('_')
        and method.__module__.startswith('ims_ext.extension')
    }
    called = {name.partition('-')[0] for name in strange_calls.CALLS}
    # It takes a file: tried with strange disks.
    assert own - called == {'create_image_from_file'}


@pytest.mark.parametrize(
    'name',
    [
        *('add_image_tag', 'create_image_tags', 'delete_image_tag'),
        *('delete_legacy_image', 'get_image', 'get_legacy_image'),
        *('remove_tag', 'set_image_tag', 'update_image', 'update_member'),
    ],
)
def test_a_redirect_to_nowhere_is_no_success(name: str) -> None:
    conn, cloud = strange_cloud.strange_cloud()
    cloud.prepare(lambda status, body: strange_cloud.Answer(302, b''))

    with (
        warnings.catch_warnings(action='ignore'),
        pytest.raises(exceptions.InvalidAnswerError, match='HTTP 302'),
    ):
        strange_calls.CALLS[name](conn.ims)


@pytest.mark.parametrize(
    'name', ['get_image', 'get_image_schema', 'get_job', 'update_cloud_image']
)
@pytest.mark.parametrize('body', [b'', b'null', b'[]', strange_answer.HTML])
def test_what_tells_nothing_is_no_answer(name: str, body: bytes) -> None:
    conn, cloud = strange_cloud.strange_cloud()
    cloud.prepare(lambda *_: strange_cloud.Answer(203, body))

    with pytest.raises(exceptions.InvalidAnswerError):
        strange_calls.CALLS[name](conn.ims)
