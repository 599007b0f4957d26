# SPDX-License-Identifier: Apache-2.0
"""A natural call of every public method of ``conn.ims``."""

from collections.abc import Callable
import io
from typing import Any

from ims_ext.extension import member_result

from .strange_cloud import IMAGE
from .strange_cloud import IMAGE_ID
from .strange_cloud import JOB_ID
from .strange_cloud import PROJECT_ID

SERVER_ID = '877a2cda-ba63-4e1e-b95f-e67e48b6129a'
WAIT: dict[str, Any] = {'wait': True, 'timeout': 0.01}

Call = Callable[[Any], Any]


def _update_got_image(ims: Any) -> Any:
    return ims.update_image(ims.get_image(IMAGE_ID), name='other', min_ram=1)


def _update_got_cloud_image(ims: Any) -> Any:
    image = ims.get_cloud_image(IMAGE_ID)
    return ims.update_cloud_image(
        image, max_ram=2048, is_kvm_supported=False, properties={'colour': 'x'}
    )


def _member_results(ims: Any) -> Any:
    job = ims.add_image_members(IMAGE_ID, PROJECT_ID, **WAIT)
    return member_result.read(job, [IMAGE_ID], [PROJECT_ID])


def _download(ims: Any) -> Any:
    return ims.download_image(IMAGE_ID, output=io.BytesIO()) and None


#: The methods of this package.
OWN: dict[str, Call] = {
    'add_image_members': lambda ims: ims.add_image_members(
        [IMAGE_ID], [PROJECT_ID]
    ),
    'add_image_members-by-name': lambda ims: ims.add_image_members(
        IMAGE_ID, 'theirs'
    ),
    'add_image_members-results': _member_results,
    'add_image_tag': lambda ims: ims.add_image_tag(IMAGE_ID, 'a', 'b'),
    'api_versions': lambda ims: ims.api_versions(),
    'cloud_images': lambda ims: ims.cloud_images(),
    'cloud_images-small-pages': lambda ims: ims.cloud_images(limit=1),
    'copy_image': lambda ims: ims.copy_image(IMAGE_ID, 'copy', **WAIT),
    'copy_image_to_region': lambda ims: ims.copy_image_to_region(
        IMAGE_ID, 'copy', 'eu-2', 'eu-2_p', 'agency'
    ),
    'count_images_by_tags': lambda ims: ims.count_images_by_tags(tags=['a']),
    'create_data_image_from_object': lambda ims: (
        ims.create_data_image_from_object('bucket:key', 'data', 40)
    ),
    'create_data_images_from_volumes': lambda ims: (
        ims.create_data_images_from_volumes(
            {'name': 'data', 'volume_id': SERVER_ID}
        )
    ),
    'create_image_from_object': lambda ims: ims.create_image_from_object(
        'bucket:key', 'image', 40, **WAIT
    ),
    'create_image_from_server': lambda ims: ims.create_image_from_server(
        SERVER_ID, 'image', safe_mode=True
    ),
    'create_image_from_server-by-name': lambda ims: (
        ims.create_image_from_server('x', 'image')
    ),
    'create_image_from_volume': lambda ims: ims.create_image_from_volume(
        SERVER_ID, 'image', 'Ubuntu 22.04 server 64bit'
    ),
    'create_image_metadata': lambda ims: ims.create_image_metadata(
        'image', min_disk=1, os_version='Other(64 bit) 64bit', tags={'a': 'b'}
    ),
    'create_image_tags': lambda ims: ims.create_image_tags(
        IMAGE_ID, {'a': 'b'}
    ),
    'create_whole_image': lambda ims: ims.create_whole_image(
        'image', server=SERVER_ID, **WAIT
    ),
    'delete_image': lambda ims: ims.delete_image(IMAGE_ID),
    'delete_image-with-backup': lambda ims: ims.delete_image(
        IMAGE_ID, delete_backup=True, ignore_missing=False
    ),
    'delete_image_tag': lambda ims: ims.delete_image_tag(IMAGE_ID, 'a'),
    'delete_image_tags': lambda ims: ims.delete_image_tags(IMAGE_ID, ['a']),
    'delete_legacy_image': lambda ims: ims.delete_legacy_image(IMAGE_ID),
    'export_image': lambda ims: ims.export_image(
        IMAGE_ID, 'bucket:key', **WAIT
    ),
    'find_cloud_image': lambda ims: ims.find_cloud_image('golden'),
    'find_cloud_image-by-id': lambda ims: ims.find_cloud_image(
        IMAGE_ID, ignore_missing=False
    ),
    'get_api_version': lambda ims: ims.get_api_version('v2'),
    'get_cloud_image': lambda ims: ims.get_cloud_image(IMAGE_ID),
    'get_image_member': lambda ims: ims.get_image_member(IMAGE_ID, PROJECT_ID),
    'get_job': lambda ims: ims.get_job(JOB_ID),
    'get_job_progress': lambda ims: ims.get_job_progress(JOB_ID),
    'get_legacy_image': lambda ims: ims.get_legacy_image(IMAGE_ID),
    'image_members': lambda ims: ims.image_members(IMAGE_ID),
    'image_members-small-pages': lambda ims: ims.image_members(
        IMAGE_ID, limit=1
    ),
    'image_quotas': lambda ims: ims.image_quotas(),
    'image_tags': lambda ims: ims.image_tags(IMAGE_ID),
    'images_by_tags': lambda ims: ims.images_by_tags(tags=['a']),
    'images_by_tags-small-pages': lambda ims: ims.images_by_tags(
        matches={'name': 'x'}, limit=1
    ),
    'legacy_images': lambda ims: ims.legacy_images(),
    'os_versions': lambda ims: ims.os_versions(tag='kvm'),
    'project_tags': lambda ims: ims.project_tags(),
    'quick_import_image': lambda ims: ims.quick_import_image(
        'bucket:key', 'image', 40, os_version='Other(64 bit) 64bit'
    ),
    'register_image': lambda ims: ims.register_image(IMAGE_ID, 'bucket:key'),
    'remove_image_members': lambda ims: ims.remove_image_members(
        IMAGE_ID, PROJECT_ID, **WAIT
    ),
    'set_image_tag': lambda ims: ims.set_image_tag(IMAGE_ID, 'a', 'b'),
    'tags': lambda ims: ims.tags(),
    'tags-small-pages': lambda ims: ims.tags(limit=1),
    'update_cloud_image': lambda ims: ims.update_cloud_image(
        IMAGE_ID, name='other', description=None
    ),
    'update_cloud_image-got': _update_got_cloud_image,
    'update_image_members': lambda ims: ims.update_image_members(
        IMAGE_ID, PROJECT_ID, 'accepted', **WAIT
    ),
    'update_image_v20': lambda ims: ims.update_image_v20(
        IMAGE_ID, name='other', min_ram=None
    ),
    'wait_for_job': lambda ims: ims.wait_for_job(JOB_ID, timeout=0.01),
    'wait_for_jobs': lambda ims: ims.wait_for_jobs(
        [JOB_ID], timeout=0.05, interval=0.001
    ),
}

#: The methods of openstacksdk that the clouds' documented operations are
#: called by.
INHERITED: dict[str, Call] = {
    'add_member': lambda ims: ims.add_member(IMAGE_ID, member_id='p'),
    'add_tag': lambda ims: ims.add_tag(IMAGE_ID, 'a'),
    'create_image': lambda ims: ims.create_image(
        'image', data=b'x', disk_format='raw', container_format='bare'
    ),
    'create_image-without-data': lambda ims: ims.create_image(
        'image', allow_duplicates=True
    ),
    'download_image': _download,
    'find_image': lambda ims: ims.find_image('golden'),
    'find_image-by-id': lambda ims: ims.find_image(
        IMAGE_ID, ignore_missing=False
    ),
    'find_member': lambda ims: ims.find_member('p', IMAGE_ID),
    'get_image': lambda ims: ims.get_image(IMAGE_ID),
    'get_image_schema': lambda ims: ims.get_image_schema(),
    'get_images_schema': lambda ims: ims.get_images_schema(),
    'get_import_info': lambda ims: ims.get_import_info(),
    'get_member': lambda ims: ims.get_member('p', IMAGE_ID),
    'get_member_schema': lambda ims: ims.get_member_schema(),
    'get_members_schema': lambda ims: ims.get_members_schema(),
    'get_task': lambda ims: ims.get_task('t1'),
    'image_tasks': lambda ims: ims.image_tasks(IMAGE_ID),
    'images': lambda ims: ims.images(),
    'images-small-pages': lambda ims: ims.images(limit=1, name=IMAGE['name']),
    'members': lambda ims: ims.members(IMAGE_ID),
    'remove_member': lambda ims: ims.remove_member('p', IMAGE_ID),
    'remove_tag': lambda ims: ims.remove_tag(IMAGE_ID, 'a'),
    'stores': lambda ims: ims.stores(),
    'tasks': lambda ims: ims.tasks(),
    'update_image': lambda ims: ims.update_image(IMAGE_ID, name='other'),
    'update_image-got': _update_got_image,
    'update_member': lambda ims: ims.update_member(
        'p', IMAGE_ID, status='accepted'
    ),
}


def _wait_for_image(ims: Any) -> Any:
    return ims.wait_for_status(
        ims.get_image(IMAGE_ID), 'queued', interval=0.001, wait=0.01
    )


def _wait_for_image_to_go(ims: Any) -> Any:
    return ims.wait_for_delete(
        ims.get_image(IMAGE_ID), interval=0.001, wait=0.01
    )


def _wait_for_task(ims: Any) -> Any:
    task = ims.get_task('t1')
    try:
        return ims.wait_for_task(task, 'failure', interval=0.001, wait=0.01)
    except AttributeError:
        # openstacksdk takes each task to have a status.
        if ims.get_task('t1').status:
            raise
        return task


#: The methods of openstacksdk for what the clouds do not document.
UNDOCUMENTED: dict[str, Call] = {
    'cached_image_nodes': lambda ims: ims.cached_image_nodes(IMAGE_ID),
    'create_metadef_namespace': lambda ims: ims.create_metadef_namespace(
        namespace='n'
    ),
    'create_task': lambda ims: ims.create_task(type='import', input={}),
    'deactivate_image': lambda ims: ims.deactivate_image(IMAGE_ID),
    'delete_image-from-store': lambda ims: ims.delete_image(
        IMAGE_ID, store='s1'
    ),
    'get_image_cache': lambda ims: ims.get_image_cache(),
    'get_metadef_namespace': lambda ims: ims.get_metadef_namespace('n'),
    'get_metadef_object': lambda ims: ims.get_metadef_object('o', 'n'),
    'get_metadef_property': lambda ims: ims.get_metadef_property('p', 'n'),
    'get_metadef_tag_schema': lambda ims: ims.get_metadef_tag_schema(),
    'image_locations': lambda ims: ims.image_locations(IMAGE_ID),
    'metadef_namespaces': lambda ims: ims.metadef_namespaces(),
    'metadef_objects': lambda ims: ims.metadef_objects('n'),
    'metadef_properties': lambda ims: ims.metadef_properties('n'),
    'metadef_resource_type_associations': lambda ims: (
        ims.metadef_resource_type_associations('n')
    ),
    'metadef_resource_types': lambda ims: ims.metadef_resource_types(),
    'prune_cache': lambda ims: ims.prune_cache(),
    'queue_image': lambda ims: ims.queue_image(IMAGE_ID),
    'update_metadef_property': lambda ims: ims.update_metadef_property(
        'p', 'n', title='t'
    ),
    'wait_for_delete': _wait_for_image_to_go,
    'wait_for_status': _wait_for_image,
    'wait_for_task': _wait_for_task,
}

CALLS = {**OWN, **INHERITED, **UNDOCUMENTED}
