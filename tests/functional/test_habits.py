# SPDX-License-Identifier: Apache-2.0
"""``openstack image`` and ``openstack ims image`` side by side on a cloud."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import subprocess
from typing import Any
import uuid

from openstack import connection
from openstack.image.v2 import image as native_image
import pytest

from ims_ext.emulator.server import EmulatorServer

from .eventually import settle
from .openstack_command import Run
from .openstack_command import script

Make = Callable[..., native_image.Image]


@pytest.fixture
def prefix() -> str:
    """The beginning of the names of one test's images."""
    return f'habit-{uuid.uuid4().hex[:8]}'


@pytest.fixture
def make(alice: connection.Connection, prefix: str) -> Iterator[Make]:
    """Give a function that makes an active image of Alice's."""
    made = []

    def make_image(name: str = '', **attrs: Any) -> native_image.Image:
        image = alice.image.create_image(
            f'{prefix}{name}',
            data=b'data',
            disk_format='raw',
            container_format='bare',
            allow_duplicates=True,
            validate_checksum=False,
            **attrs,
        )
        made.append(image.id)
        return image

    yield make_image
    for image_id in made:
        alice.image.delete_image(image_id)


@pytest.fixture
def both(run: Run) -> Callable[..., Any]:
    """Give a function that runs both commands, and returns what they print.

    They have to agree on the exit code.
    """

    def run_both(*arguments: str, **options: Any) -> tuple[Any, Any]:
        theirs = run('image', *arguments, **options)
        ours = run('ims', 'image', *arguments, **options)
        assert ours.returncode == theirs.returncode, (ours, theirs)
        return theirs, ours

    return run_both


def rows(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


# ====== LIST ======


@pytest.mark.parametrize(
    'options',
    [
        (),
        ('--private',),
        ('--public',),
        ('--all',),
        ('--community',),
        ('--shared',),
        ('--status', 'active'),
        ('--sort', 'status:asc,name:desc'),
        ('--project', 'alpha'),
        ('--project', 'alpha', '--project-domain', 'default'),
    ],
    ids=' '.join,
)
def test_lists_have_the_same_images_in_the_same_order(
    both: Any, make: Make, options: tuple[str, ...]
) -> None:
    for name in ('-b', '-c', '-a'):
        make(name)

    theirs, ours = both('list', '-f', 'json', *options)

    assert rows(ours) == rows(theirs)


def test_a_marker_is_a_name_or_an_id(both: Any, make: Make) -> None:
    first, marker = make('-first'), make('-marker')
    make('-last')

    for each in (marker.name, marker.id):
        theirs, ours = both('list', '-f', 'json', '--marker', each)

        assert rows(ours) == rows(theirs)
        assert first.id in [row['ID'] for row in rows(ours)]
        assert marker.id not in [row['ID'] for row in rows(ours)]


def test_a_limit_lists_the_same_images(both: Any, make: Make) -> None:
    for name in ('-b', '-c', '-a'):
        make(name)

    theirs, ours = both('list', '-f', 'json', '--limit', '2')

    assert rows(ours) == rows(theirs)


def test_hidden_images_are_in_a_list_of_their_own(
    both: Any, alice: connection.Connection, make: Make
) -> None:
    hidden, shown = make('-hidden'), make('-shown')
    alice.image.update_image(hidden.id, is_hidden=True)

    theirs, ours = both('list', '-f', 'json', '--hidden')
    _, others = both('list', '-f', 'json')

    assert rows(ours) == rows(theirs)
    assert [row['ID'] for row in rows(ours)] == [hidden.id]
    ids = [row['ID'] for row in rows(others)]
    assert shown.id in ids
    assert hidden.id not in ids


def test_images_are_found_by_tags_and_own_properties(
    both: Any, make: Make, prefix: str
) -> None:
    wanted = make('-a', tags=[f'team={prefix}'], build_id=prefix)
    make('-b', build_id='x')

    for options in (
        ('--tag', f'team={prefix}'),
        ('--property', f'build_id={prefix}'),
    ):
        theirs, ours = both('list', '-f', 'json', *options)

        assert rows(ours) == rows(theirs)
        assert [row['ID'] for row in rows(ours)] == [wanted.id]


@pytest.mark.parametrize('name', ['os_version', 'os_type', 'platform'])
def test_an_own_property_like_an_attribute_is_found(
    run: Run, make: Make, name: str
) -> None:
    wanted = make('', properties={name: 'mine'})

    found = run('ims', 'image', 'list', '--property', f'{name}=mine')

    assert wanted.id in found.stdout


def test_a_name_may_have_wildcards(run: Run, make: Make, prefix: str) -> None:
    a, b = make('-a'), make('-b')
    make('other')

    for pattern in (f'{prefix}-?', f'{prefix}-[ab]', f'in:{a.name},{b.name}'):
        listing = ('ims', 'image', 'list', '--name', pattern)
        found = run(*listing, '-f', 'json')
        count = run(*listing, '--count', '-f', 'value')

        assert [row['ID'] for row in rows(found)] == [a.id, b.id]
        assert count.stdout.strip() == '2'


@pytest.mark.parametrize('option', ['--project', '--owner'])
def test_a_project_that_does_not_exist_is_an_error(
    run: Run, option: str
) -> None:
    done = run('ims', 'image', 'list', option, 'nobody')

    assert done.returncode == 1
    assert 'nobody' in done.stderr


def test_an_id_is_taken_where_identity_may_not_say(both: Any) -> None:
    theirs, ours = both('list', '--project', 32 * 'f')

    assert ours.stdout == theirs.stdout


def test_images_are_sorted_by_several_keys_with_numbers_as_such(
    run: Run, make: Make, prefix: str
) -> None:
    made = [
        make('-b', min_ram=100),
        make('-a', min_ram=20),
        make('-c', min_ram=20),
    ]

    done = run(
        *('ims', 'image', 'list', '--name', f'{prefix}*', '-f', 'json'),
        *('--sort', 'min_ram:desc,name'),
    )

    assert [row['ID'] for row in rows(done)] == [each.id for each in made]


@pytest.mark.parametrize('sort', ['colour', 'name:down', ':asc', 'name:'])
def test_an_order_that_there_is_not_is_refused(run: Run, sort: str) -> None:
    done = run('ims', 'image', 'list', '--sort', sort)

    assert done.returncode == 1
    assert 'sort' in done.stderr


@pytest.mark.parametrize('output', ['table', 'json', 'csv', 'value', 'yaml'])
def test_empty_lists_look_the_same(both: Any, output: str) -> None:
    theirs, ours = both('list', '--name', 'no-such-image', '-f', output)

    assert ours.stdout == theirs.stdout


def test_a_table_fits_the_width_that_it_is_given(
    both: Any, make: Make, prefix: str
) -> None:
    make(f'-{"long" * 40}')

    theirs, ours = both(
        *('list', '--private', '--fit-width', '--max-width', '60')
    )

    assert ours.stdout == theirs.stdout
    assert all(len(line) <= 60 for line in ours.stdout.splitlines())


@pytest.mark.parametrize('status', ['pending', 'accepted', 'rejected', 'all'])
def test_images_shared_with_the_project_are_listed_by_status(
    both: Any,
    alice: connection.Connection,
    bob: connection.Connection,
    make: Make,
    status: str,
) -> None:
    image = make()
    beta = bob.current_project_id
    alice.image.add_member(image.id, member_id=beta)

    options = ('list', '-f', 'json', '--shared', '--member-status', status)
    theirs, ours = both(*options, cloud='bob')

    assert rows(ours) == rows(theirs)
    ids = [row['ID'] for row in rows(ours)]
    assert (image.id in ids) == (status in ('pending', 'all'))


# ====== SHOW ======


def test_what_means_the_same_has_the_same_column(
    both: Any, make: Make
) -> None:
    image = make('', min_disk=10, tags=['a=b'], properties={'colour': 'red'})

    theirs, ours = both('show', image.id, '-f', 'json')

    shown, expected = rows(ours), rows(theirs)
    own = expected.pop('properties')
    assert shown['properties']['colour'] == own['colour'] == 'red'
    assert {name: shown.get(name) for name in expected} == expected
    assert shown['os_version'] == own['__os_version']


def test_numbers_and_truth_values_are_typed(run: Run, make: Make) -> None:
    image = make('', min_disk=10)

    shown = rows(run('ims', 'image', 'show', image.id, '-f', 'json'))
    [listed] = rows(
        run(
            *('ims', 'image', 'list', '--name', image.name, '--long'),
            *('-f', 'json'),
        )
    )

    assert (shown['min_disk'], shown['protected']) == (10, False)
    assert (shown['os_bit'], shown['is_registered']) == (64, True)
    assert (listed['Min Disk'], listed['Protected']) == (10, False)
    assert listed['Tags'] == shown['tags'] == []


def test_sizes_are_shown_for_people(both: Any, make: Make) -> None:
    image = make()

    theirs, ours = both('show', '--human-readable', image.id, '-f', 'json')

    assert rows(ours)['size'] == rows(theirs)['size'] == '4'


@pytest.mark.parametrize(
    'command',
    [
        ('show',),
        ('set', '--name', 'x'),
        ('unset', '--property', 'x'),
        ('delete',),
    ],
    ids=lambda command: command[0],
)
def test_an_ambiguous_name_is_told_with_the_ids(
    both: Any, make: Make, command: tuple[str, ...]
) -> None:
    first, second = make('-twin'), make('-twin')

    _, ours = both(*command, first.name)

    assert ours.returncode == 1
    assert first.id in ours.stderr
    assert second.id in ours.stderr


def test_a_hidden_image_is_shown_by_its_id(
    both: Any, alice: connection.Connection, make: Make
) -> None:
    image = make()
    alice.image.update_image(image.id, is_hidden=True)

    _, ours = both('show', image.id, '-f', 'json')

    assert rows(ours)['name'] == image.name


# ====== SET, UNSET ======


def test_set_changes_what_theirs_changes(
    run: Run, alice: connection.Connection, make: Make
) -> None:
    options = (
        *('--min-disk', '12', '--min-ram', '512', '--protected', '--hidden'),
        *('--property', 'colour=red', '--property', 'os_type=mine'),
        *('--tag', 'env=prod', '--os-distro', 'debian'),
        *('--architecture', 'x86_64'),
    )
    theirs, ours = make('-theirs', tags=['a=b']), make('-ours', tags=['a=b'])

    done = [
        run('image', 'set', *options, theirs.id),
        run('ims', 'image', 'set', *options, ours.id),
    ]

    assert [each.returncode for each in done] == [0, 0], done
    changed = [alice.image.get_image(each.id) for each in (theirs, ours)]
    for name in ('min_disk', 'min_ram', 'is_protected', 'is_hidden'):
        assert getattr(changed[0], name) == getattr(changed[1], name), name
    assert sorted(changed[0].tags) == sorted(changed[1].tags)
    for name in ('os_type', 'os_distro', 'architecture'):
        assert changed[0][name] == changed[1][name], name
    assert changed[1].properties['colour'] == 'red'
    for each in changed:
        alice.image.update_image(each.id, is_protected=False)


def test_the_operating_system_is_changed(
    run: Run, alice: connection.Connection, make: Make
) -> None:
    image = make()

    run(
        *('ims', 'image', 'set', image.id),
        *('--os-version', 'Ubuntu 18.04 server 64bit'),
    )

    changed = alice.ims.get_cloud_image(image.id)
    assert changed.os_version == 'Ubuntu 18.04 server 64bit'
    assert changed.platform == 'Ubuntu'


@pytest.mark.parametrize(
    ('option', 'status'),
    [('--accept', 'accepted'), ('--reject', 'rejected')],
)
@pytest.mark.parametrize('project', [(), ('--project', 'beta')], ids=repr)
def test_the_other_project_answers(
    run: Run,
    alice: connection.Connection,
    bob: connection.Connection,
    make: Make,
    option: str,
    status: str,
    project: tuple[str, ...],
) -> None:
    image = make()
    beta = bob.current_project_id
    alice.image.add_member(image.id, member_id=beta)

    done = run(
        *('ims', 'image', 'set', option, *project, image.name), cloud='bob'
    )

    assert done.returncode == 0, done
    assert alice.image.get_member(beta, image.id).status == status


def test_an_image_cannot_be_given_away(run: Run, make: Make) -> None:
    done = run('ims', 'image', 'set', '--project', 'beta', make().id)

    assert done.returncode == 1
    assert '--accept' in done.stderr


@pytest.mark.parametrize('option', ['--activate', '--deactivate'])
def test_a_cloud_without_activation_is_told(
    run: Run, make: Make, option: str
) -> None:
    done = run('ims', 'image', 'set', option, make().id)

    assert done.returncode == 1
    assert 'no action' in done.stderr


def test_unset_removes_what_is_there_and_tells_of_the_rest(
    both: Any, alice: connection.Connection, make: Make
) -> None:
    images = [
        make(
            name,
            tags=['env', 'team'],
            properties={'colour': 'red', 'os_version': '22.04'},
        )
        for name in ('-theirs', '-ours')
    ]
    options = (
        *('--property', 'colour', '--property', 'os_version'),
        *('--property', 'nothing', '--tag', 'env', '--tag', 'nowhere'),
    )

    done = [
        both('unset', *options, images[0].id)[0],
        both('unset', *options, images[1].id)[1],
    ]

    assert [each.returncode for each in done] == [1, 1]
    for image in images:
        left = alice.ims.get_cloud_image(image.id)
        assert not {'colour', 'os_version'} & {*left.properties}
        assert left.os_version
        assert left.tags == ['team']


def test_a_tag_with_another_value_is_not_unset(
    run: Run, alice: connection.Connection, make: Make
) -> None:
    image = make('', tags=['env=prod', 'a=b'])

    refused = run('ims', 'image', 'unset', '--tag', 'env=test', image.id)
    done = run('ims', 'image', 'unset', '--tag', 'a=b', image.id)

    assert refused.returncode == 1
    assert "'env=test' is a nonexistent tag" in refused.stderr
    assert done.returncode == 0
    assert alice.ims.get_cloud_image(image.id).tags == ['env=prod']


# ====== DELETE ======


def test_of_several_images_each_has_its_result(
    run: Run, alice: connection.Connection, make: Make
) -> None:
    kept, gone = make('-kept', is_protected=True), make('-gone')

    done = run('ims', 'image', 'delete', 'no-such', kept.id, gone.id, '--wait')

    assert done.returncode == 1
    assert 'no-such' in done.stderr
    assert kept.id in done.stderr
    assert gone.id not in done.stderr
    assert 'Failed to delete 2 of 3 images' in done.stderr
    assert alice.ims.find_cloud_image(gone.id) is None
    alice.image.update_image(kept.id, is_protected=False)


# ====== CREATE ======


@pytest.fixture
def create(
    environment: dict[str, str],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs a command with something on its input."""

    def run_with_input(
        *arguments: str, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script('openstack'), *arguments, '-f', 'json'],
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
            **options,
        )

    return run_with_input


@pytest.mark.parametrize('kind', ['file', 'pipe'])
@pytest.mark.parametrize('bucket', [(), ('--bucket', 'images')])
def test_the_disk_image_is_standard_input(
    create: Any,
    alice: connection.Connection,
    disks: dict[str, Path],
    prefix: str,
    kind: str,
    bucket: tuple[str, ...],
) -> None:
    with disks['qcow2'].open('rb') as file:
        given = {'stdin': file} if kind == 'file' else {'input': file.read()}
        file.seek(0)
        done = create(
            'ims', 'image', 'create', prefix, '--wait', *bucket, **given
        )

    assert done.returncode == 0, done
    shown = rows(done)
    assert shown['status'] == 'active'
    assert shown['disk_format'] == 'qcow2'
    alice.image.delete_image(shown['id'])


def test_an_empty_pipe_is_no_disk_image(create: Any) -> None:
    done = create('ims', 'image', 'create', 'nothing', input=b'')

    assert done.returncode == 2
    assert b'standard input' in done.stderr


def test_without_any_source_there_is_nothing_to_do(run: Run) -> None:
    done = run('ims', 'image', 'create', 'nothing')

    assert done.returncode == 2
    assert '--file' in done.stderr


def test_create_takes_what_theirs_takes(
    emulator: EmulatorServer,
    run: Run,
    alice: connection.Connection,
    disks: dict[str, Path],
    prefix: str,
) -> None:
    options = (
        *('--file', str(disks['qcow2']), '--disk-format', 'qcow2'),
        *('--container-format', 'bare', '--min-disk', '7', '--min-ram', '64'),
        *('--protected', '--private', '--progress', '--tag', 'env=prod'),
        *('--property', 'colour=red', '--property', 'os_type=mine'),
        *('--project', alice.current_project_id, '-f', 'json'),
    )

    theirs = rows(run('image', 'create', f'{prefix}-theirs', *options))
    ours = rows(run('ims', 'image', 'create', f'{prefix}-ours', *options))

    differing = {'id', 'name', 'status', 'file', 'created_at', 'updated_at'}
    own = theirs.pop('properties')
    assert ours['properties']['colour'] == own['colour']
    assert ours['properties']['os_type'] == own['os_type']
    expected = {
        name: value for name, value in theirs.items() if name not in differing
    }
    assert {name: ours.get(name) for name in expected} == expected
    settle(emulator)
    for image in (theirs, ours):
        alice.image.update_image(image['id'], is_protected=False)
        alice.image.delete_image(image['id'])


def test_what_needs_the_image_waits_for_it(
    run: Run, disks: dict[str, Path], prefix: str
) -> None:
    options = (
        *('ims', 'image', 'create', '--file', str(disks['qcow2']), prefix),
        *('--bucket', 'images', '--property', 'is_kvm_supported=true'),
        *('--property', 'colour=red', '-f', 'json'),
    )

    refused = run(*options)
    done = run(*options, '--wait')

    assert refused.returncode == 1
    assert '--wait' in refused.stderr
    assert rows(done)['is_kvm_supported'] is True
    assert rows(done)['properties']['colour'] == 'red'


def test_images_are_made_in_the_project_of_the_login(
    run: Run, disks: dict[str, Path], prefix: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2']), prefix),
        *('--project', 32 * 'f'),
    )

    assert done.returncode == 1
    assert '--os-project-name' in done.stderr


def test_the_license_is_told_with_a_quick_import(run: Run) -> None:
    done = run(
        *('ims', 'image', 'create', '--object', 'b:k', '--min-disk', '10'),
        *('--license-type', 'byol', 'image'),
    )

    assert done.returncode == 1
    assert '--quick' in done.stderr
