# SPDX-License-Identifier: Apache-2.0
"""Other people's tests of an image service pass with a whole Glance.

They are tempest's, by which clouds are told to be OpenStack's, and those of
openstacksdk that need a cloud.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .conftest import REGION
from .conftest import kept_environment
from .conftest import python_client
from .outcome import PROGRAMS
from .outcome import Outcomes
from .outcome import version_of
from .whole_glance import WholeGlance

TEMPEST = 'tempest.api.image.v2'

#: Tests that are left out, and what a Glance would need for them; one that
#: is set up like this one skips them too.
SKIPPED = {
    f'{TEMPEST}.{name}': reason
    for name, reason in {
        'admin.test_image_task.ImageTaskCreate.test_image_tasks_create': (
            "tempest itself leaves it out, for a fault of its own"
        ),
        'admin.test_image_caching.ImageCachingTest'
        '.test_remote_and_self_cache': "a second Glance beside it",
        'test_images.ImportImagesTest.test_remote_import': (
            "a second Glance beside it"
        ),
        'test_images.ImportImagesTest.test_remote_delete': (
            "a second Glance beside it"
        ),
        'test_images.ImportImagesTest'
        '.test_image_glance_download_import_success': (
            "glance-download, which Glance does not have unless told so"
        ),
        'test_images.ImportImagesTest'
        '.test_image_glance_download_import_bad_uuid': "glance-download",
        'test_images.ImportImagesTest'
        '.test_image_glance_download_import_bad_endpoint': "glance-download",
        'test_images.ImportImagesTest'
        '.test_image_glance_download_import_bad_missing_image': (
            "glance-download"
        ),
        'test_images.LocationImportTest'
        '.test_add_location_with_do_secure_hash_false': (
            "digests that are not made"
        ),
        'test_images.MultistoreLocationImportTest'
        '.test_add_location_with_do_secure_hash_false': (
            "digests that are not made"
        ),
        'test_images_dependency.ImageDependencyTests': (
            "servers that really run"
        ),
        'test_images_formats.ImagesFormatTest': "servers that really run",
    }.items()
}


def configuration(glance: WholeGlance, folder: Path) -> Mapping[str, Any]:
    """Return what tempest has to know of a cloud, section by section."""
    accounts = folder / 'accounts.yaml'
    users = ('alice', 'bob', 'carol', 'rita', 'admin')
    accounts.write_text(
        yaml.safe_dump([glance.account(user) for user in users])
    )
    return {
        'DEFAULT': {'log_file': folder / 'tempest.log'},
        'oslo_concurrency': {'lock_path': folder / 'locks'},
        'auth': {
            'use_dynamic_credentials': False,
            'test_accounts_file': accounts,
        },
        'identity': {
            'uri_v3': glance.server.auth_url,
            'auth_version': 'v3',
            'region': REGION,
        },
        'image': {
            'http_image': f'{glance.web}/disk.raw',
            'http_qcow2_image': f'{glance.web}/disk.qcow2',
            'build_timeout': 60,
            'image_caching_enabled': True,
        },
        'image-feature-enabled': {
            'manage_locations': True,
            'http_store_enabled': True,
            'store_weight_enabled': True,
            # What is uploaded in one step may be anything.
            'image_format_enforcement': False,
        },
        'service_available': {
            'glance': True,
            'cinder': False,
            'neutron': False,
            'nova': False,
            'swift': False,
        },
    }


def test_tempest(
    glance: WholeGlance, outcomes: Outcomes, tmp_path: Path
) -> None:
    programs = python_client('tempest', 'testscenarios')
    sections = configuration(glance, tmp_path)
    lines = []
    for section, options in sections.items():
        lines += [f'[{section}]']
        lines += [f'{name} = {value}' for name, value in options.items()]
    (tmp_path / 'tempest.conf').write_text('\n'.join(lines) + '\n')

    outcome = outcomes.program(
        'tempest, tests of images',
        version_of(programs / 'python', 'tempest'),
        [str(programs / 'python'), str(PROGRAMS / 'suite.py'), TEMPEST],
        kept_environment() | {'TEMPEST_CONFIG_DIR': str(tmp_path)},
        is_suite=True,
    )

    assert outcome.skipped.keys() == SKIPPED.keys(), outcome.skipped


def test_openstacksdk(
    glance: WholeGlance, outcomes: Outcomes, tmp_path: Path
) -> None:
    programs = python_client('openstacksdk', 'oslotest', 'requests-mock')
    clouds = {
        'devstack': glance.cloud('alice'),
        'devstack-alt': glance.cloud('bob'),
        'devstack-admin': glance.cloud('admin'),
        'devstack-system-admin': glance.cloud('admin'),
    }
    file = tmp_path / 'clouds.yaml'
    file.write_text(yaml.safe_dump({'clouds': clouds}))
    # The tests upload it.
    (tmp_path / 'CONTRIBUTING.rst').write_text("How to contribute\n")

    outcome = outcomes.program(
        'openstacksdk, functional tests of images',
        version_of(programs / 'python', 'openstacksdk'),
        [
            str(programs / 'python'),
            str(PROGRAMS / 'suite.py'),
            'openstack.tests.functional.image',
        ],
        kept_environment()
        | {
            'OS_CLIENT_CONFIG_FILE': str(file),
            'OPENSTACKSDK_FLAVOR': 's3.medium.2',
        },
        folder=tmp_path,
        is_suite=True,
    )

    assert outcome.skipped == {}
