# SPDX-License-Identifier: Apache-2.0
"""Plans: what leads from the clouds as they are to the manifest, and why."""

import dataclasses
import datetime
from pathlib import Path
import random
from typing import Any

import pytest

from ims_ext.pipeline import Manifest
from ims_ext.pipeline import identity
from ims_ext.pipeline import planning
from ims_ext.pipeline.planning import Action
from ims_ext.pipeline.planning import Item
from ims_ext.pipeline.planning import Kind
from ims_ext.pipeline.planning import showing
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.seen import SeenTarget
from ims_ext.pipeline.seen import SeenVersion

NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
DIGEST = identity.digest(b'a disk')
PROJECTS = {f'team-{each}': each * 32 for each in 'abc'}

HEAD = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  de: {cloud: otc, region: eu-de, bucket: img-de}
  nl: {cloud: otc, region: eu-nl, copy_from: de, agency: a, bucket: img-nl}
accept:
  team-b: {cloud: otc-b}
images:
  app:
"""


def manifest(body: str, count: int = 3) -> Manifest:
    """Return a manifest with an image, ``app``, of so many versions."""
    text = HEAD + ''.join(f'    {line}\n' for line in body.splitlines())
    text += '    versions:\n'
    for number in range(1, count + 1):
        text += (
            f'      "{number}": {{source: {{object: "img-de:{number}"}}}}\n'
        )
    return Manifest.loads(text, Path('m.yaml'), {})


def image(version: str, days: float = 1, **others: Any) -> SeenImage:
    """Return an image of the pipeline, some days old."""
    which = identity.Identity('platform', 'app', version, DIGEST)
    channels = others.pop('channels', ())
    words = identity.Words(which, channels, others.pop('deprecated', None))
    return dataclasses.replace(
        SeenImage(
            id=f'id-{version}',
            name=f'app-{version}',
            status='active',
            created_at=NOW - datetime.timedelta(days=days),
            tags=which.tags,
            words=words,
            members={},
        ),
        **others,
    )


def target(name: str, *images: SeenImage, **others: Any) -> SeenTarget:
    """Return a target with images of its own."""
    others.setdefault('projects', PROJECTS)
    return SeenTarget(name, f'{name}-id', f'eu-{name}', images, **others)


def seen(*targets: SeenTarget, **others: Any) -> Seen:
    """Return the clouds with some targets; the others are empty."""
    found = {each.name: each for each in targets}
    for name in ('de', 'nl'):
        found.setdefault(name, target(name))
    return Seen(NOW, found, **others)


def planned(
    body: str, there: Seen | None = None, count: int = 3, **options: Any
) -> list[Action]:
    """Return the actions of a plan."""
    made = planning.make(manifest(body, count), there or seen(), **options)
    return list(made.actions)


def told(actions: list[Action]) -> list[str]:
    """Return actions in short: the sign, the version and the target."""
    return [
        f'{each.kind.symbol}{each.item.version} {each.item.target}'
        for each in actions
    ]


def test_what_is_missing_is_made_and_copied_from_there() -> None:
    found = planned('targets: [nl, de]', count=1)

    assert told(found) == ['+1 de', '+1 nl']
    assert found[0].details['route'] == 'object'
    assert found[1].details['route'] == 'copy-region'
    assert found[1].after == (Item('app', '1', 'de'),)


def test_nothing_is_done_where_all_is_there() -> None:
    there = seen(target('de', image('1')), target('nl', image('1')))

    assert planned('', there, 1) == []


def test_a_copy_without_tags_is_known_by_its_description() -> None:
    copied = image('1', tags={})

    found = planned('targets: [de]', seen(target('de', copied)), 1)

    assert told(found) == ['~1 de']
    changes = [each['name'] for each in found[0].details['changes']]
    assert changes == ['tag ims-pipeline', 'tag ims-image', 'tag ims-digest']


def test_an_image_of_the_same_name_is_foreign_unless_adopted() -> None:
    theirs = image('1', tags={}, words=None)
    there = seen(target('de', theirs))

    assert told(planned('targets: [de]', there, 1)) == ['?1 de']
    adopted = planned('targets: [de]', there, 1, adopt=['app@1'])
    assert told(adopted) == ['a1 de']


@pytest.mark.parametrize(
    ('status', 'minutes', 'sign'),
    [
        ('saving', 50, '.'),
        ('saving', 70, '?'),
        ('active', 0.4, '.'),
        ('active', 1, '?'),
        ('queued', 0.4, '.'),
        ('queued', 1, '?'),
    ],
)
def test_a_new_image_that_does_not_tell_whose_it_is_is_waited_for(
    status: str, minutes: float, sign: str
) -> None:
    changed = NOW - datetime.timedelta(minutes=minutes)
    one = image('1', tags={}, words=None, status=status, updated_at=changed)

    assert told(planned('targets: [de]', seen(target('de', one)), 1)) == [
        f'{sign}1 de'
    ]


@pytest.mark.parametrize(
    'theirs', [{'tags': {'team': 'web'}}, {'description': "Made by hand"}]
)
def test_an_image_that_tells_something_else_is_foreign_at_once(
    theirs: dict[str, Any],
) -> None:
    one = image('1', 0, words=None, **{'tags': {}, **theirs})

    found = planned('targets: [de]', seen(target('de', one)), 1)

    assert told(found) == ['?1 de']


def test_another_pipelines_image_is_not_touched() -> None:
    which = identity.Identity('other', 'app', '1', DIGEST)
    theirs = image('1', name='x', tags=which.tags)

    found = planned(
        'targets: [de]\nretention: {keep: 1}', seen(target('de', theirs)), 2
    )

    assert told(found) == ['+2 de']


@pytest.mark.parametrize('tags', [{'ims-pipeline': 'other'}, {}])
def test_another_pipelines_image_is_not_taken_over(
    tags: dict[str, str],
) -> None:
    which = identity.Identity('other', 'app', '1', DIGEST)
    theirs = image('1', tags=tags, words=identity.Words(which))

    found = planned(
        'targets: [de]', seen(target('de', theirs)), 1, adopt=['app@1']
    )

    assert told(found) == ['?1 de']
    assert "app-1 is the pipeline other's" in found[0].reason


def test_nothing_is_done_at_a_target_that_was_not_seen() -> None:
    there = seen(target('de', problem='HTTP 503'), target('nl', image('1')))
    body = 'retention: {keep: 1}\nchannels: {dev: {version: newest}}'

    found = planned(body, there, 2)

    assert {each.item.target for each in found} == {'nl'}
    assert Kind.PROMOTE not in {each.kind for each in found}


def test_only_the_versions_that_are_kept_are_made() -> None:
    body = 'targets: [de]\nretention: {keep: 2}'

    assert told(planned(body, count=6)) == ['+6 de', '+5 de']


def test_a_channels_version_is_made_however_old_it_is() -> None:
    body = (
        'targets: [de]\nretention: {keep: 1}\npromoted: "2"\n'
        'channels: {prod: {version: promoted}}'
    )

    assert told(planned(body, count=6)) == ['+6 de', '+2 de', '>2 de']


@pytest.mark.parametrize(
    ('others', 'reason'),
    [
        ({'servers': ('a', 'b')}, 'kept: 2 servers use it'),
        ({'servers': ('a',)}, 'kept: 1 server uses it'),
        (
            {'members': {'a' * 32: 'accepted'}},
            'kept: 1 project has accepted it',
        ),
        ({'is_protected': True}, 'kept: it is protected'),
        ({'members': None}, 'kept: who has accepted it was not seen'),
        ({'members': {'a' * 32: 'pending'}}, None),
        ({}, None),
    ],
)
def test_an_old_version_is_deleted_unless_it_is_needed(
    others: dict[str, Any], reason: str | None
) -> None:
    old = image('1', 200, **others)
    there = seen(target('de', old, *(image(str(n)) for n in (2, 3, 4))))
    body = 'targets: [de]\nretention: {keep: 3}\nshare: [team-a]'

    found = [
        each
        for each in planned(body, there, 4)
        if each.item.version == '1' and each.kind in (Kind.KEEP, Kind.DELETE)
    ]

    if reason is None:
        assert told(found) == ['-1 de']
        assert found[0].reason == '200d old'
    else:
        assert told(found) == ['!1 de']
        assert found[0].reason == reason


def test_versions_retire_by_their_age() -> None:
    body = (
        'targets: [de]\n'
        'retention: {keep: 1, deprecate_after: 30d, delete_after: 90d}'
    )
    images = [image('1', 91), image('2', 89), image('3', 29), image('4', 100)]
    images[1] = image('2', 89, deprecated='2026-10-01')

    assert told(planned(body, seen(target('de', *images)), 4)) == ['-1 de']
    images[1] = image('2', 89)
    found = planned(body, seen(target('de', *images)), 4)
    assert told(found) == ['d2 de', '-1 de']


def test_nothing_is_deleted_where_servers_were_not_seen() -> None:
    there = seen(
        target('de', image('1'), image('2'), servers_problem='HTTP 403')
    )

    found = planned('targets: [de]\nretention: {keep: 1}', there, 2)

    assert told(found) == ['!1 de']
    assert 'HTTP 403' in found[0].reason


def test_nothing_is_deleted_where_the_new_version_cannot_be_made() -> None:
    there = seen(
        target('de', image('1', 9), image('2', 5)),
        sources={('app', '3'): SeenVersion(problem="no such file")},
    )

    found = planned('targets: [de]\nretention: {keep: 1}', there, 3)

    assert told(found) == ['x3 de', '!1 de']
    assert found[1].reason == 'kept: 3 cannot be made here'


def test_nothing_is_deleted_where_versions_could_not_be_looked_for() -> None:
    there = seen(
        target('de', image('1', 9), image('2', 5)),
        problems={'app': "the page does not answer"},
    )

    found = planned('targets: [de]\nretention: {keep: 1}', there, 2)

    assert told(found)[0] == 'xnewest de'
    assert not [each for each in found if each.kind is Kind.DELETE]


def test_an_old_version_is_deleted_after_the_new_one_is_made() -> None:
    there = seen(target('de', image('1', 9)))

    found = planned('targets: [de]\nretention: {keep: 1}', there, 2)

    assert told(found) == ['+2 de', '-1 de']
    assert found[1].after == (Item('app', '2', 'de'),)


def test_an_old_version_waits_for_one_that_is_still_being_made() -> None:
    new = image('2', 0, status='saving')

    found = planned(
        'targets: [de]\nretention: {keep: 1}',
        seen(target('de', image('1', 9), new)),
        2,
    )

    assert told(found) == ['.2 de', '-1 de']
    assert found[1].after == (Item('app', '2', 'de'),)


def test_a_channel_moves_when_a_version_has_soaked_everywhere() -> None:
    body = 'channels: {prod: {version: newest, soak: 7d}}'
    old = image('1', 30, channels=('prod',))

    young = seen(
        target('de', old, image('2', 9)), target('nl', old, image('2', 5))
    )
    waiting = planned(body, young, 2)
    assert told(waiting) == ['.2 de', '.2 nl']
    assert waiting[0].reason == 'prod stays at 1: soaked 5d of 7d'

    ripe = seen(
        target('de', old, image('2', 9)), target('nl', old, image('2', 8))
    )
    moved = planned(body, ripe, 2)
    assert told(moved) == ['>2 de', '>2 nl']
    assert moved[0].details['old_ids'] == ['id-1']


def test_a_channel_moves_nowhere_where_a_version_fails_at_one_target() -> None:
    body = 'channels: {prod: {version: newest}}\nretention: {keep: 1}'
    old = image('1', 30, channels=('prod',))
    there = seen(
        target('de', old, image('2', 9)),
        target('nl', old, image('2', 9, status='queued')),
    )

    found = planned(body, there, 2)

    assert Kind.PROMOTE not in {each.kind for each in found}
    assert Kind.DELETE not in {each.kind for each in found}


def test_a_channel_rolls_back_without_any_making() -> None:
    body = (
        'targets: [de]\npromoted: "1"\n'
        'channels: {prod: {version: promoted, soak: 7d}}'
    )
    there = seen(
        target('de', image('1', 30), image('2', 9, channels=('prod',)))
    )

    assert told(planned(body, there, 2)) == ['>1 de']


def test_a_channels_consumers_get_its_version() -> None:
    body = (
        'targets: [de]\nshare: [team-a]\n'
        'channels: {prod: {version: newest, share: [team-b, team-c]}}'
    )
    there = seen(
        target('de', image('1', members={'a' * 32: 'accepted'})),
    )

    promote, share, accept = planned(body, there, 1)

    assert promote.kind is Kind.PROMOTE
    assert share.details['add'] == ['b' * 32, 'c' * 32]
    assert share.reason == 'share with 2 projects, 1 as they are'
    assert accept.details['accept'] == {'b' * 32: 'team-b'}


def test_members_that_nobody_names_are_removed() -> None:
    members = {'a' * 32: 'accepted', 'e' * 32: 'pending'}
    there = seen(target('de', image('1', members=members)))

    (share,) = planned('targets: [de]\nshare: [team-a]', there, 1)

    assert share.details == {'add': [], 'remove': ['e' * 32]}


def test_who_has_accepted_a_version_that_retires_keeps_it() -> None:
    old = image('1', 9, members={'e' * 32: 'accepted', 'f' * 32: 'pending'})
    there = seen(target('de', old, image('2')))

    found = planned('targets: [de]\nretention: {keep: 1}', there, 2)

    assert told(found) == ['s1 de', '!1 de']
    assert found[0].details['remove'] == ['f' * 32]
    assert found[1].reason == 'kept: 1 project has accepted it'


def test_nobody_is_removed_where_a_project_was_not_found() -> None:
    members = {'a' * 32: 'accepted', 'e' * 32: 'pending'}
    there = seen(target('de', image('1', members=members)))

    found = planned('targets: [de]\nshare: [team-a, team-x]', there, 1)

    assert told(found) == ['x1 de']


def test_rejections_and_missing_answers_are_told() -> None:
    members = {'a' * 32: 'rejected', 'c' * 32: 'pending'}
    there = seen(target('de', image('1', members=members)))

    found = planned('targets: [de]\nshare: [team-a, team-c]', there, 1)

    assert told(found) == ['!1 de', '.1 de']
    assert 'team-a' in found[0].reason
    assert 'team-c' in found[1].reason


def test_a_project_that_is_not_there_is_told() -> None:
    there = seen(target('de', image('1'), projects={}))

    found = planned('targets: [de]\nshare: [team-a]', there, 1)

    assert told(found) == ['x1 de']


@pytest.mark.parametrize(
    ('others', 'change'),
    [
        ({'name': 'x'}, 'name x -> app-1'),
        ({'description': 'x'}, 'description x -> An app'),
        ({'attributes': {'min_ram': 1024}}, 'min_ram 1024 -> 2048'),
        ({'tags': {}}, 'tag team none -> platform'),
        ({'is_protected': False}, 'protected False -> True'),
        ({'properties': {}}, 'property hw_x none -> y'),
    ],
)
def test_each_attribute_that_is_named_is_led_back(
    others: dict[str, Any], change: str
) -> None:
    body = (
        'targets: [de]\ndescription: An app\nmin_ram: 2048\n'
        'tags: {team: platform}\nprotected: true\nproperties: {hw_x: y}'
    )
    right: dict[str, Any] = {
        'description': 'An app',
        'attributes': {'min_ram': 2048},
        'is_protected': True,
        'properties': {'hw_x': 'y'},
    }
    one = image('1', **right)
    one = dataclasses.replace(one, tags={**one.tags, 'team': 'platform'})
    assert planned(body, seen(target('de', one)), 1) == []

    (found,) = planned(
        body, seen(target('de', dataclasses.replace(one, **others))), 1
    )

    assert found.kind is Kind.CHANGE
    assert change in found.reason


def test_an_image_that_was_made_twice_loses_the_younger_one() -> None:
    there = seen(
        target('de', image('1', 9), image('1', 1, id='twin', name='app-1'))
    )

    (found,) = planned('targets: [de]', there, 1)

    assert found.kind is Kind.DELETE
    assert found.image_id == 'twin'


def test_of_several_twins_each_has_an_action_of_its_own() -> None:
    twins = [image('1', 1, id=f'twin-{number}') for number in range(3)]
    there = seen(target('de', image('1', 9), *twins))

    found = planned('targets: [de]', there, 1)

    assert len({each.id for each in found}) == 3


def test_a_renamed_image_keeps_its_versions() -> None:
    which = identity.Identity('platform', 'old', '1', DIGEST)
    one = image(
        '1', name='old-1', tags=which.tags, words=identity.Words(which)
    )

    (found,) = planned(
        'targets: [de]\nprevious_names: [old]', seen(target('de', one)), 1
    )

    assert found.kind is Kind.CHANGE
    assert 'name old-1 -> app-1' in found.reason


def test_a_source_that_has_changed_is_told_and_not_made_again() -> None:
    there = seen(
        target('de', image('1')),
        sources={('app', '1'): SeenVersion(identity.digest(b'another'))},
    )

    assert told(planned('targets: [de]', there, 1)) == ['!1 de']


def test_an_image_that_the_manifest_no_longer_names_is_told() -> None:
    which = identity.Identity('platform', 'gone', '1', DIGEST)
    one = image('1', tags=which.tags, words=identity.Words(which), name='g')
    there = seen(target('de', image('1'), one), target('nl', image('1')))

    (found,) = planned('', there, 1)

    assert found.kind is Kind.KEEP
    assert found.item.image == 'gone'


def test_the_quota_is_counted_before_anything_is_promised() -> None:
    there = seen(target('de', quota=100, used=99))

    made = planning.make(manifest('targets: [de]'), there)

    (quota,) = [each for each in made.quotas if each.target == 'de']
    assert quota.then == 102
    assert quota.is_exceeded
    assert '102 of 100 then (too many)' in '\n'.join(showing.lines(made))


def test_what_is_left_out_of_a_plan_counts_for_no_quota() -> None:
    there = seen(target('de', quota=100, used=99))
    made = planning.make(manifest('targets: [de]'), there)

    limited = made.only(lambda action: action.item.version == '3')

    assert told(list(limited.actions)) == ['+3 de']
    (quota,) = [each for each in limited.quotas if each.target == 'de']
    assert (quota.then, quota.is_exceeded) == (100, False)


def test_a_plan_is_shown_a_line_an_action() -> None:
    made = planning.make(manifest('', 1), seen())

    assert list(showing.lines(made)) == [
        'pipeline platform: 1 image, 2 targets; 0 images seen there in 0.0 s',
        '  + app@1  de  object  img-de:1  '
        "(the object is in the target's bucket)",
        '  + app@1  nl  copied from de, by a, after it is there',
        'Plan: 2 to make.',
    ]
    assert showing.as_json(made)['actions'][1]['after'] == [
        {'image': 'app', 'version': '1', 'target': 'de'}
    ]


@pytest.mark.parametrize(
    'names',
    [
        ['1', '2', '10'],
        ['1.9', '1.10', '1.10.1'],
        ['20260901', '20261101', '20261101.1'],
        ['1.0-beta', '1.0-rc1', '1.0-rc2', '1.0', '1.0.1'],
        ['v1', 'v2', 'v10'],
        ['1', '1a', '1b', '2'],
    ],
)
def test_versions_are_in_the_order_that_people_expect(
    names: list[str],
) -> None:
    mixed = names[:]
    random.Random(0).shuffle(mixed)

    assert versions.newest_first(mixed) == names[::-1]
