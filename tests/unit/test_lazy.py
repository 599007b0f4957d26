# SPDX-License-Identifier: Apache-2.0
"""A resource made when it is looked at is the one made at once."""

from collections.abc import Callable, Iterator, Mapping
import concurrent.futures
import contextlib
import copy
import importlib
import itertools
import json
import operator
from pathlib import Path
import pickle
import pkgutil
import sys
import threading
from typing import Any
import warnings

import hypothesis
from hypothesis import strategies
from openstack import connection
from openstack import fields
from openstack import resource as sdk_resource
from openstack import warnings as sdk_warnings
from openstack.image.v2 import image as native_image
import pytest
import requests_mock

from ims_ext import extension
from ims_ext import lazy
from ims_ext import resource
from ims_ext import resource_table
from ims_ext import wire_names
from ims_ext.extension import cloud_image
from ims_ext.extension import job
from ims_ext.extension import member

from . import lazy_operations
from .conftest import IMS_URL
from .lazy_operations import CHANGING
from .lazy_operations import READING

EXAMPLES = json.loads(
    (Path(__file__).parents[1] / 'contract' / 'examples.json').read_text()
)
CONSTRUCTOR_WORDS = {'self', 'connection', 'microversion', '_synchronized'}


class Place:
    """Stands in for a connection, whose place every resource is told."""

    @property
    def current_location(self) -> dict[str, Any]:
        return {'cloud': 'x', 'project': {'id': 'p1'}}

    def _get_current_location(
        self, project_id: str | None = None, zone: str | None = None
    ) -> dict[str, Any]:
        return {'cloud': 'x', 'zone': zone, 'project': {'id': project_id}}


PLACE: Any = Place()


def _subclasses(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _kinds() -> list[type[sdk_resource.Resource]]:
    for module in pkgutil.iter_modules(extension.__path__):
        importlib.import_module(f'{extension.__name__}.{module.name}')
    found = {
        each
        for each in _subclasses(resource.Resource)
        if each.__module__.startswith('ims_ext.')
        and not hasattr(each, '_whole_type')
    }
    return [
        resource.native(native_image.Image),
        *sorted(found, key=lambda each: each.__qualname__),
    ]


#: Images as Glance has them.
IMAGES: Any = resource.native(native_image.Image)
KINDS = _kinds()


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of an answer, and those in its lists."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)


def _body(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: each
        for name, each in value.items()
        if name not in CONSTRUCTOR_WORDS
    }


DOCUMENTED = [
    _body(each)
    for answer in EXAMPLES['responses']
    for each in _objects(answer['body'])
]
IMAGE = next(each for each in DOCUMENTED if '__os_version' in each)


def at_once(kind: type, body: Mapping[str, Any]) -> Any:
    """Make a resource as openstacksdk does, properties told apart."""
    attrs = copy.deepcopy(dict(body))
    if issubclass(kind, resource.Resource):
        attrs = wire_names.sort_out(kind, attrs)
    with openstacksdk_alone():
        return kind(_synchronized=True, connection=PLACE, **attrs)


@contextlib.contextmanager
def openstacksdk_alone() -> Iterator[None]:
    """Have openstacksdk make and read all resources, without any table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resource_table, 'table', lambda kind: None)
        yield


def deferred(kind: type, body: Mapping[str, Any]) -> Any:
    """Make a resource that is not made yet."""
    made = built(kind, body)
    assert type(made) is not kind
    return made


def built(kind: type, body: Mapping[str, Any]) -> Any:
    """Make a resource as lists do: later, if its class can be deferred."""
    return lazy.Builder(kind, PLACE).defer(copy.deepcopy(dict(body)))


def whole(kind: type, body: Mapping[str, Any]) -> Any:
    """Make a resource that is whole at once."""
    made = lazy.Builder(kind, PLACE).make(copy.deepcopy(dict(body)))
    assert type(made) is kind
    return made


Making = Callable[[type, Mapping[str, Any]], Any]


def names(kind: type[sdk_resource.Resource]) -> list[str]:
    """Return the names of all that can be read from a class's objects."""
    return [
        name
        for name in dir(kind)
        if not name.startswith('_') and not callable(getattr(kind, name))
    ]


def read(made: Any, name: str) -> Any:
    return lazy_operations.outcome(lambda it: getattr(it, name), made)


def expected(operation: lazy_operations.Operation, made: Any) -> Any:
    """Return what comes of an operation in openstacksdk's hands."""
    with openstacksdk_alone():
        return lazy_operations.outcome(operation, made)


@pytest.fixture(autouse=True, scope='module')
def _without_the_sdks_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


def test_there_are_all_the_classes() -> None:
    assert {IMAGES, cloud_image.CloudImage, job.Job} <= {*KINDS}
    assert len(KINDS) > 20


@pytest.mark.parametrize('make', [built, whole])
@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_documented_answers_become_the_same(
    kind: type[sdk_resource.Resource], make: Making
) -> None:
    known = {*kind._body_mapping()}
    operations = itertools.cycle([*READING, *CHANGING])
    for body in [IMAGE, *(each for each in DOCUMENTED if known & {*each})]:
        made = at_once(kind, body)
        late = make(kind, body)
        for name in names(kind):
            assert read(late, name) == read(made, name), name
        name = next(operations)
        operation = READING.get(name) or CHANGING[name]
        assert lazy_operations.outcome(
            operation, make(kind, body)
        ) == expected(operation, made), name


@pytest.mark.parametrize('make', [built, whole])
@pytest.mark.parametrize('name', [*READING, *CHANGING])
@pytest.mark.parametrize(
    'kind',
    [IMAGES, cloud_image.CloudImage, member.ImageMember],
    ids=lambda kind: kind.__name__,
)
def test_an_operation_finds_what_it_would_have_found(
    kind: type[sdk_resource.Resource], name: str, make: Making
) -> None:
    body = {**IMAGE, 'job_id': 'j1', 'project_id': 'p2', 'member_id': 'm1'}
    for operation in (READING.get(name), CHANGING.get(name)):
        if operation is None:
            continue
        late, made = make(kind, body), at_once(kind, body)
        assert lazy_operations.outcome(operation, late) == expected(
            operation, made
        )
        # And once more, on what has become of them.
        assert lazy_operations.outcome(operation, late) == expected(
            operation, made
        )
        assert lazy_operations.state(late) == lazy_operations.state(made)


VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False)
    | strategies.sampled_from(
        ('', 'true', 'False', '17', 'x', '2018-09-06T14:03:27Z')
    )
    | strategies.text(max_size=5),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(('key', 'value', 'id', 'status', 'job_id'))
            | strategies.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=4,
)


@strategies.composite
def bodies(draw: Any, kind: type[sdk_resource.Resource]) -> dict[str, Any]:
    """Give what a cloud might send of a resource."""
    known = [
        name
        for attribute, component in kind._attributes_iterator(
            (fields.Body, fields.URI, fields.Computed)
        )
        for name in (attribute, component.name, component.name.upper())
    ]
    keys = strategies.sampled_from(
        [*known, 'properties', 'own', 'left_object', 'to_dict']
    )
    body: dict[str, Any] = draw(
        strategies.dictionaries(keys, VALUES, max_size=12)
    )
    return _body(body)


@pytest.mark.parametrize('make', [built, whole])
@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_generated_answers_become_the_same(
    kind: type[sdk_resource.Resource], make: Making
) -> None:
    @hypothesis.settings(deadline=None, derandomize=True, max_examples=20)
    @hypothesis.given(
        body=bodies(kind),
        attributes=strategies.lists(
            strategies.sampled_from(names(kind)), max_size=4
        ),
        operations=strategies.lists(
            strategies.sampled_from([*READING.items(), *CHANGING.items()]),
            min_size=1,
            max_size=3,
        ),
    )
    def compare(
        body: dict[str, Any],
        attributes: list[str],
        operations: list[tuple[str, lazy_operations.Operation]],
    ) -> None:
        try:
            made = at_once(kind, body)
        except Exception as error:
            # What openstacksdk cannot make cannot be made here.
            with pytest.raises(type(error)):
                make(kind, body).to_dict()
            return
        late = make(kind, body)
        for name in attributes:
            assert read(late, name) == read(made, name), name
        for name, operation in operations:
            assert lazy_operations.outcome(operation, late) == expected(
                operation, made
            ), name
        assert lazy_operations.state(late) == lazy_operations.state(made)

    compare()


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_a_deferred_resource_equals_one_made_at_once(
    kind: type[sdk_resource.Resource],
) -> None:
    made, other = at_once(kind, IMAGE), at_once(kind, {**IMAGE, 'id': 'o'})

    assert built(kind, IMAGE) == made
    assert made == built(kind, IMAGE)
    assert built(kind, IMAGE) == built(kind, IMAGE)
    assert not operator.ne(built(kind, IMAGE), made)
    assert not operator.ne(made, built(kind, IMAGE))
    assert not operator.ne(dict(made), built(kind, IMAGE))
    assert (other == built(kind, IMAGE)) == (other == made)
    assert (built(kind, IMAGE) != other) == (made != other)


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
def test_a_whole_resource_has_its_class_and_no_other(
    kind: type[sdk_resource.Resource],
) -> None:
    late = built(kind, IMAGE)
    assert isinstance(late, kind)
    assert late.__class__ is kind

    len(late)

    assert type(late) is kind


def test_a_list_in_an_attribute_is_the_same_before_and_after() -> None:
    late = built(job.Job, {'job_id': 'j', 'entities': {'image_id': 'i'}})
    entities = late.entities
    entities['image_id'] = 'other'

    assert late.to_dict()['entities'] == {'image_id': 'other'}
    assert late.entities is entities


@pytest.mark.parametrize(
    'kind',
    [IMAGES, cloud_image.CloudImage],
    ids=lambda kind: kind.__name__,
)
def test_an_images_own_attribute_may_be_called_as_an_argument_is(
    kind: type[sdk_resource.Resource],
) -> None:
    late = lazy.Builder(kind).defer(
        {
            'id': 'i1',
            'connection': 'isdn',
            'microversion': '1',
            'self': '/v2/images/i1',
            'properties': {'colour': 'red'},
        }
    )

    assert late.properties == {
        'colour': 'red',
        'connection': 'isdn',
        'microversion': '1',
    }
    assert late.microversion is None


def test_threads_that_look_at_a_resource_see_the_same_complete_one() -> None:
    before = sys.getswitchinterval()
    expected = at_once(cloud_image.CloudImage, IMAGE)
    looks = [
        lambda it: it.to_dict(),
        lambda it: it.name,
        len,
        lambda it: it.properties,
        dict,
        lambda it: it._body.attributes,
        lambda it: json.dumps([it]),
        lambda it: {**it},
    ]
    wanted = [look(expected) for look in looks]

    def look_together(late: Any, barrier: threading.Barrier, look: Any) -> Any:
        barrier.wait()
        return look(late)

    sys.setswitchinterval(1e-6)
    try:
        with concurrent.futures.ThreadPoolExecutor(len(looks)) as pool:
            for _ in range(20):
                late = deferred(cloud_image.CloudImage, IMAGE)
                barrier = threading.Barrier(len(looks))
                found = [
                    pool.submit(look_together, late, barrier, look)
                    for look in looks
                ]
                assert [each.result() for each in found] == wanted
    finally:
        sys.setswitchinterval(before)


def test_a_thread_that_is_late_leaves_nothing_in_a_complete_resource(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = deferred(cloud_image.CloudImage, IMAGE)
    make = lazy.Builder.make
    makings = []

    def make_slowly(builder: Any, attrs: Any) -> Any:
        made = make(builder, attrs)
        makings.append(made)
        if len(makings) == 1:
            # Somebody else looks at all of it in the meantime.
            other = threading.Thread(target=len, args=[late])
            other.start()
            other.join()
        return made

    monkeypatch.setattr(lazy.Builder, 'make', make_slowly)
    merged = {**late}

    made = at_once(cloud_image.CloudImage, IMAGE)
    assert len(makings) == 2
    assert merged == {**made}
    assert lazy_operations.state(late) == lazy_operations.state(made)


def test_a_resource_whose_making_fails_can_be_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = deferred(cloud_image.CloudImage, IMAGE)
    with monkeypatch.context() as patch:

        def interrupt(*args: Any, **kwargs: Any) -> Any:
            raise KeyboardInterrupt

        patch.setattr(resource_table.Table, 'make', interrupt)
        with pytest.raises(KeyboardInterrupt):
            len(late)

    assert late == at_once(cloud_image.CloudImage, IMAGE)


def test_what_is_read_by_its_wire_name_warns_as_in_openstacksdk() -> None:
    late = deferred(cloud_image.CloudImage, IMAGE)

    with pytest.warns(sdk_warnings.LegacyAPIWarning):
        found = late['__os_version']

    assert found == IMAGE['__os_version']


@pytest.mark.parametrize('make', [built, whole])
@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    'copied',
    [
        copy.copy,
        copy.deepcopy,
        lambda it: pickle.loads(pickle.dumps(it)),
        lambda it: copy.deepcopy(copy.copy(it)),
    ],
    ids=['copy', 'deepcopy', 'pickle', 'twice'],
)
def test_a_copy_is_as_the_resource_is(
    kind: type[sdk_resource.Resource],
    make: Making,
    copied: Callable[[Any], Any],
) -> None:
    fresh, changed = make(kind, IMAGE), make(kind, IMAGE)
    changed.name = 'other'

    for each in (fresh, changed):
        other = copied(each)
        assert other == each
        assert other.location == each.location == each.to_dict()['location']
        # What is sent to change it, too: other's changes are its own.
        assert (
            lazy_operations.state(other)[0] == (lazy_operations.state(each)[0])
        )
        other.name = 'third'
        assert each.name != 'third'
        assert dict(other) == dict(each)


def test_a_deep_copy_shares_nothing_but_the_connection() -> None:
    image = built(cloud_image.CloudImage, {**IMAGE, 'left': {}})
    other = copy.deepcopy(image)
    other.properties['own'] = 'x'
    other.location['project']['id'] = 'p2'

    assert 'own' not in image.properties
    assert image.location['project']['id'] == 'p1'
    assert other._connection is image._connection


def test_openstacksdks_own_images_are_the_same() -> None:
    """Those of ``conn.ims`` and those of ``conn.image``."""
    stock = at_once(native_image.Image, IMAGE)
    image = built(IMAGES, IMAGE)

    assert isinstance(image, native_image.Image)
    assert image == stock
    assert stock == image
    assert repr(image) == repr(stock)
    assert image.to_dict() == stock.to_dict()
    assert image.items() == stock.items()
    assert {*image.keys()} == {*stock.keys()}
    assert json.dumps(image) == json.dumps(stock)
    assert {**image} == {**stock}
    assert dict(image) == dict(stock)


@pytest.mark.parametrize(
    'kind',
    [IMAGES, cloud_image.CloudImage],
    ids=lambda kind: kind.__name__,
)
def test_images_as_clouds_send_them_are_made_from_a_table(
    kind: type[sdk_resource.Resource],
) -> None:
    """Their paths included, which no class can be made of."""
    table = resource_table.table(kind)
    assert table is not None
    assert table.is_making
    deferred(kind, IMAGE)

    made = table.make({**IMAGE, 'self': '/v2/images/i1', 'own': 'x'})

    assert made is not None
    assert made == resource_table.make_plainly(kind, {**IMAGE, 'own': 'x'})


def test_all_attributes_are_named_once() -> None:
    keys = built(cloud_image.CloudImage, IMAGE).keys()

    assert len(keys) == len({*keys})


@pytest.mark.parametrize('setting', [False, 'false', 'no', '0'])
def test_a_connection_can_turn_deferring_off(
    connect: Callable[..., connection.Connection],
    answers: requests_mock.Mocker,
    setting: Any,
) -> None:
    images = {'images': [{'id': 'i1', 'name': 'x'}]}
    answers.get(f'{IMS_URL}/v2/images', json=images)
    answers.get(f'{IMS_URL}/v2/cloudimages', json=images)
    ims = connect(ims_lazy=setting).ims

    for image in (next(ims.images()), next(ims.cloud_images())):
        assert type(image) is image.__class__
        assert dict.get(image, 'name') == 'x'


def test_one_connections_setting_is_no_others(
    connect: Callable[..., connection.Connection],
    answers: requests_mock.Mocker,
) -> None:
    answers.get(f'{IMS_URL}/v2/cloudimages', json={'images': [{'id': 'i1'}]})
    connect(ims_lazy=False)
    image = next(connect().ims.cloud_images())

    assert type(image) is not image.__class__


class Part(sdk_resource.Resource):
    """A resource in another one."""


class Whole(resource.Resource):
    """A resource that has others."""

    parts = resource.Body('parts', type=list, list_type=Part)


class Special(resource.Resource):
    """A resource whose making is its own."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.is_special = True


class Composed(resource.Resource):
    """A resource that reads the cloud's attributes in its own way."""

    def _consume_body_attrs(self, attrs: Any) -> Any:
        return {**super()._consume_body_attrs(attrs), 'name': 'composed'}


@pytest.mark.parametrize('name', [*READING, *CHANGING])
def test_resources_in_a_resource_are_made_as_well(name: str) -> None:
    operation = READING.get(name) or CHANGING[name]
    body = {'id': 'w', 'parts': [{'id': 'p', 'name': 'x'}]}

    assert lazy_operations.outcome(
        operation, built(Whole, body)
    ) == lazy_operations.outcome(operation, at_once(Whole, body))


def test_what_cannot_be_made_later_is_made_at_once() -> None:
    assert type(Special.existing(id='w')) is Special


def test_a_class_that_reads_in_its_own_way_is_read_in_that_way() -> None:
    assert Composed.existing(id='c', name='sent').name == 'composed'


def test_a_class_made_from_a_deferred_resource_is_the_real_one() -> None:
    late = deferred(cloud_image.CloudImage, IMAGE)

    assert type(type(late)(id='i')) is cloud_image.CloudImage
    assert type(late).existing(id='i') == cloud_image.CloudImage(
        id='i', _synchronized=True
    )


def test_a_deferred_image_is_changed_as_one_that_was_got(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    url = f'{IMS_URL}/v2/images'
    image = {'id': 'i1', 'name': 'old', 'own': 'x', 'status': 'active'}
    answers.get(url, json={'images': [image]})
    answers.get(f'{url}/i1', json=image)
    answers.patch(f'{url}/i1', json={**image, 'name': 'new'})
    sent = []

    for found in (next(conn.ims.images()), conn.ims.get_image('i1')):
        changed = conn.ims.update_image(found, name='new', own=None)
        assert changed.name == 'new'
        assert answers.last_request is not None
        sent.append(answers.last_request.json())

    assert sent[0] == sent[1]
    assert {'op': 'replace', 'path': '/name', 'value': 'new'} in sent[0]


def test_a_resource_says_where_it_is_without_a_request(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{IMS_URL}/v2/images', json={'images': [{'id': 'i1'}]})
    image = next(conn.ims.images())
    location = conn.current_location
    assert conn.session.auth is not None
    conn.session.auth.invalidate()
    number = answers.call_count

    assert image.location == image['location'] == location
    assert image.to_dict()['location'] == location
    assert image._connection is conn
    assert answers.call_count == number
