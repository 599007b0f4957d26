# SPDX-License-Identifier: Apache-2.0
"""huaweicloudsdk: its clients of images, identity, compute and volumes.

They find endpoints and keys in the environment.
"""

from collections.abc import Callable
import os
import time
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
import huaweicloudsdkecs.v2 as ecs_v2
from huaweicloudsdkecs.v2.region.ecs_region import EcsRegion
import huaweicloudsdkevs.v2 as evs_v2
from huaweicloudsdkevs.v2.region.evs_region import EvsRegion
import huaweicloudsdkiam.v3 as iam_v3
from huaweicloudsdkiam.v3.region.iam_region import IamRegion
import huaweicloudsdkims.v2 as v2
from huaweicloudsdkims.v2.region.ims_region import ImsRegion
from operations import ACCESS
from operations import REGION
from operations import SECRET
from operations import attempt

PROJECT = os.environ['HUAWEICLOUD_SDK_PROJECT_ID']
OTHER_PROJECT = os.environ['OTHER_PROJECT_ID']
BACKUP = os.environ['BACKUP_ID']
OS_VERSION = 'Ubuntu 18.04 server 64bit'
BUCKET = 'images'
#: The key of a disk image that is there from the start.
DISK = 'disk.qcow2'

config = HttpConfig.get_default_config()
authority = os.environ.get('AUTHORITY')
if authority:
    config.ssl_ca_cert = authority
    config.ignore_ssl_verification = False


def client(kind: Any, region: Any) -> Any:
    builder = kind.new_builder().with_http_config(config)
    return builder.with_region(region.value_of(REGION)).build()


ims = client(v2.ImsClient, ImsRegion)
images: dict[str, str] = {}


def end(job_id: str) -> Any:
    """Return a job that has ended well."""
    while True:
        job = ims.show_job(v2.ShowJobRequest(job_id=job_id))
        if job.status not in ('INIT', 'RUNNING'):
            assert job.status == 'SUCCESS', job
            return job
        time.sleep(0.05)


def refused(call: Callable[[], object]) -> ClientRequestException:
    try:
        call()
    except ClientRequestException as error:
        return error
    raise AssertionError("nothing was refused")


# ====== CREATION ======


def create_image() -> None:
    tag = v2.TagKeyValue(key='made', value='by-sdk')
    body = v2.CreateImageRequestBody(
        name='sdk',
        image_url=f'{BUCKET}:{DISK}',
        os_version=OS_VERSION,
        min_disk=40,
        image_tags=[tag],
    )
    started = ims.create_image(v2.CreateImageRequest(body=body))
    images['sdk'] = end(started.job_id).entities.image_id


def create_image_in_safe_mode() -> None:
    body = v2.CreateImageRequestBody(
        name='safe',
        image_url=f'{BUCKET}:{DISK}',
        os_version=OS_VERSION,
        min_disk=40,
    )
    started = ims.create_image_in_safe_mode(
        v2.CreateImageInSafeModeRequest(body=body)
    )
    images['safe'] = end(started.job_id).entities.image_id


def create_image_of_a_server() -> None:
    body = v2.CreateImageRequestBody(name='web', instance_id=server('web').id)
    started = ims.create_image(v2.CreateImageRequest(body=body))
    images['web'] = end(started.job_id).entities.image_id


def create_data_image() -> None:
    body = v2.CreateDataImageRequestBody(
        name='data', image_url=f'{BUCKET}:{DISK}', min_disk=40, os_type='Linux'
    )
    started = ims.create_data_image(v2.CreateDataImageRequest(body=body))
    images['data'] = end(started.job_id).entities.image_id


def create_whole_image() -> None:
    body = v2.CreateWholeImageRequestBody(
        name='whole', backup_id=BACKUP, whole_image_type='CSBS'
    )
    started = ims.create_whole_image(v2.CreateWholeImageRequest(body=body))
    images['whole'] = end(started.job_id).entities.image_id


def import_image_quick() -> None:
    body = v2.QuickImportImageByFileRequestBody(
        name='quick',
        image_url=f'{BUCKET}:disk.raw',
        os_version=OS_VERSION,
        min_disk=40,
    )
    started = ims.import_image_quick(v2.ImportImageQuickRequest(body=body))
    images['quick'] = end(started.job_id).entities.image_id


def register_image() -> None:
    body = v2.GlanceCreateImageMetadataRequestBody(
        name='registered',
        os_version=OS_VERSION,
        disk_format='qcow2',
        container_format='bare',
        min_disk=40,
    )
    made = ims.glance_create_image_metadata(
        v2.GlanceCreateImageMetadataRequest(body=body)
    )
    assert made.status == 'queued'
    images['registered'] = made.id
    started = ims.register_image(
        v2.RegisterImageRequest(
            image_id=made.id,
            body=v2.RegisterImageRequestBody(image_url=f'{BUCKET}:{DISK}'),
        )
    )
    end(started.job_id)


def refusal() -> None:
    body = v2.CreateImageRequestBody(
        name='bad', image_url=f'{BUCKET}:missing', os_version=OS_VERSION
    )
    error = refused(lambda: ims.create_image(v2.CreateImageRequest(body=body)))
    assert error.error_code.startswith('IMG.'), error
    assert error.status_code == 400


# ====== LOOKING ======


def list_images() -> None:
    found = ims.list_images(
        v2.ListImagesRequest(imagetype='private', limit=100)
    ).images
    assert images['sdk'] in [each.id for each in found]
    found = ims.list_images(v2.ListImagesRequest(imagetype='gold')).images
    assert len(found) == 3


def list_images_in_pages() -> None:
    found: list[str] = []
    marker = None
    while True:
        page = ims.list_images(
            v2.ListImagesRequest(limit=2, marker=marker)
        ).images
        if not page:
            break
        found += [each.id for each in page]
        marker = page[-1].id
    assert len(found) == len(set(found))
    assert len(found) >= 5


def glance_list_images() -> None:
    found = ims.glance_list_images(
        v2.GlanceListImagesRequest(name='sdk')
    ).images
    assert [each.id for each in found] == [images['sdk']]


def glance_show_image() -> None:
    found = ims.glance_show_image(
        v2.GlanceShowImageRequest(image_id=images['sdk'])
    )
    assert (found.status, found.disk_format) == ('active', 'qcow2')


def show_job_progress() -> None:
    body = v2.CopyImageInRegionRequestBody(name='copied')
    started = ims.copy_image_in_region(
        v2.CopyImageInRegionRequest(image_id=images['sdk'], body=body)
    )
    progress = ims.show_job_progress(
        v2.ShowJobProgressRequest(job_id=started.job_id)
    )
    assert progress.job_id == started.job_id
    images['copied'] = end(started.job_id).entities.image_id


def show_image_quota() -> None:
    quotas = ims.show_image_quota(v2.ShowImageQuotaRequest()).quotas
    assert quotas.resources[0].used >= 1


def list_os_versions() -> None:
    assert ims.list_os_versions(v2.ListOsVersionsRequest(tag='bms'))


def versions() -> None:
    found = ims.list_versions(v2.ListVersionsRequest()).versions
    assert 'v2.2' in [each.id for each in found]
    assert ims.show_version(v2.ShowVersionRequest(version='v2')).versions


def schemas() -> None:
    for call, request in (
        (ims.glance_show_image_schemas, v2.GlanceShowImageSchemasRequest),
        (ims.glance_list_image_schemas, v2.GlanceListImageSchemasRequest),
        (
            ims.glance_show_image_member_schemas,
            v2.GlanceShowImageMemberSchemasRequest,
        ),
        (
            ims.glance_list_image_member_schemas,
            v2.GlanceListImageMemberSchemasRequest,
        ),
    ):
        assert call(request()).name


# ====== CHANGING ======


def update_image() -> None:
    changes = [
        v2.UpdateImageRequestBody(op='replace', path='/name', value='renamed')
    ]
    found = ims.update_image(
        v2.UpdateImageRequest(image_id=images['sdk'], body=changes)
    )
    assert found.name == 'renamed'


def glance_update_image() -> None:
    changes = [
        v2.GlanceUpdateImageRequestBody(
            op='replace', path='/name', value='sdk'
        )
    ]
    found = ims.glance_update_image(
        v2.GlanceUpdateImageRequest(image_id=images['sdk'], body=changes)
    )
    assert found.name == 'sdk'


def export_image() -> None:
    body = v2.ExportImageRequestBody(
        bucket_url=f'{BUCKET}:exported.qcow2', is_quick_export=True
    )
    started = ims.export_image(
        v2.ExportImageRequest(image_id=images['sdk'], body=body)
    )
    end(started.job_id)


def export_image_in_safe_mode() -> None:
    body = v2.ExportImageRequestBody(
        bucket_url=f'{BUCKET}:exported-2.qcow2', file_format='qcow2'
    )
    started = ims.export_image_in_safe_mode(
        v2.ExportImageInSafeModeRequest(image_id=images['sdk'], body=body)
    )
    end(started.job_id)


def copy_image_in_region_in_safe_mode() -> None:
    body = v2.CopyImageInRegionRequestBody(name='copied-2')
    started = ims.copy_image_in_region_in_safe_mode(
        v2.CopyImageInRegionInSafeModeRequest(
            image_id=images['sdk'], body=body
        )
    )
    images['copied-2'] = end(started.job_id).entities.image_id


# ====== TAGS ======


def add_image_tag() -> None:
    tag = v2.ResourceTag(key='team', value='base')
    ims.add_image_tag(
        v2.AddImageTagRequest(
            image_id=images['sdk'], body=v2.AddImageTagRequestBody(tag=tag)
        )
    )
    tags = ims.list_image_tags(
        v2.ListImageTagsRequest(image_id=images['sdk'])
    ).tags
    assert 'team' in [each.key for each in tags]


def batch_add_or_delete_tags() -> None:
    for action in ('create', 'delete'):
        body = v2.BatchAddOrDeleteTagsRequestBody(
            action=action, tags=[v2.ResourceTag(key='many', value='1')]
        )
        ims.batch_add_or_delete_tags(
            v2.BatchAddOrDeleteTagsRequest(image_id=images['sdk'], body=body)
        )


def create_or_update_tags() -> None:
    body = v2.AddOrUpdateTagsRequestBody(image_id=images['sdk'], tag='plain')
    ims.create_or_update_tags(v2.CreateOrUpdateTagsRequest(body=body))
    assert ims.list_tags(v2.ListTagsRequest(limit=100)).tags


def list_image_by_tags() -> None:
    body = v2.ListImageByTagsRequestBody(
        action='filter',
        tags=[v2.Tags(key='team', values=['base'])],
        limit='10',
        offset='0',
    )
    found = ims.list_image_by_tags(v2.ListImageByTagsRequest(body=body))
    assert [e.resource_id for e in found.resources] == [images['sdk']]
    assert ims.list_images_tags(v2.ListImagesTagsRequest()).tags


def delete_image_tag() -> None:
    ims.delete_image_tag(
        v2.DeleteImageTagRequest(image_id=images['sdk'], key='team')
    )


def glance_tags() -> None:
    which = {'image_id': images['sdk'], 'tag': 'native'}
    ims.glance_create_tag(v2.GlanceCreateTagRequest(**which))
    ims.glance_delete_tag(v2.GlanceDeleteTagRequest(**which))


# ====== SHARING ======


def members() -> None:
    body = v2.GlanceAddImageMemberRequestBody(member=OTHER_PROJECT)
    ims.glance_add_image_member(
        v2.GlanceAddImageMemberRequest(image_id=images['sdk'], body=body)
    )
    which = {'image_id': images['sdk'], 'member_id': OTHER_PROJECT}
    shown = ims.glance_show_image_member(
        v2.GlanceShowImageMemberRequest(**which)
    )
    assert shown.status == 'pending'
    listed = ims.glance_list_image_members(
        v2.GlanceListImageMembersRequest(image_id=images['sdk'])
    ).members
    assert [each.member_id for each in listed] == [OTHER_PROJECT]
    ims.glance_delete_image_member(v2.GlanceDeleteImageMemberRequest(**which))


def batch_members() -> None:
    body = v2.BatchAddMembersRequestBody(
        images=[images['sdk'], images['safe']], projects=[OTHER_PROJECT]
    )
    added = ims.batch_add_members(v2.BatchAddMembersRequest(body=body))
    end(added.job_id)
    removed = ims.batch_delete_members(v2.BatchDeleteMembersRequest(body=body))
    end(removed.job_id)


# ====== IDENTITY ======

global_keys = GlobalCredentials(ACCESS, SECRET, 'default')
iam = (
    iam_v3.IamClient.new_builder()
    .with_http_config(config)
    .with_credentials(global_keys)
    .with_region(IamRegion.value_of(REGION))
    .build()
)


def iam_projects() -> None:
    found = iam.keystone_list_auth_projects(
        iam_v3.KeystoneListAuthProjectsRequest()
    ).projects
    assert PROJECT in [each.id for each in found]
    shown = iam.keystone_show_project(
        iam_v3.KeystoneShowProjectRequest(project_id=PROJECT)
    ).project
    assert shown.name == 'alpha'


def iam_domains() -> None:
    domains = iam.keystone_list_auth_domains(
        iam_v3.KeystoneListAuthDomainsRequest()
    ).domains
    assert [each.id for each in domains] == ['default']


def iam_catalog() -> None:
    regions = iam.keystone_list_regions(
        iam_v3.KeystoneListRegionsRequest()
    ).regions
    assert REGION in [each.id for each in regions]
    services = iam.keystone_list_services(
        iam_v3.KeystoneListServicesRequest()
    ).services
    assert 'image' in [each.type for each in services]


def domain_of_a_key() -> None:
    """Have the SDK ask for the domain that it was not told."""
    found = (
        iam_v3.IamClient.new_builder()
        .with_http_config(config)
        .with_credentials(GlobalCredentials(ACCESS, SECRET))
        .with_region(IamRegion.value_of(REGION))
        .build()
    )
    assert found.keystone_list_auth_projects(
        iam_v3.KeystoneListAuthProjectsRequest()
    ).projects


# ====== COMPUTE AND VOLUMES ======

ecs = client(ecs_v2.EcsClient, EcsRegion)
evs = client(evs_v2.EvsClient, EvsRegion)


def server(name: str) -> Any:
    found = ecs.nova_list_servers_details(
        ecs_v2.NovaListServersDetailsRequest()
    ).servers
    return next(each for each in found if each.name == name)


def nova_servers() -> None:
    web = server('web')
    listed = ecs.nova_list_servers(ecs_v2.NovaListServersRequest()).servers
    assert web.id in [each.id for each in listed]
    shown = ecs.nova_show_server(
        ecs_v2.NovaShowServerRequest(server_id=web.id)
    ).server
    assert shown.status == 'SHUTOFF'


def show_volume() -> None:
    [disk, *_] = evs.list_volumes(evs_v2.ListVolumesRequest()).volumes
    shown = evs.show_volume(evs_v2.ShowVolumeRequest(volume_id=disk.id)).volume
    assert shown.name == disk.name


def list_servers_details() -> None:
    found = ecs.list_servers_details(
        ecs_v2.ListServersDetailsRequest()
    ).servers
    web = next(each for each in found if each.name == 'web')
    shown = ecs.show_server(ecs_v2.ShowServerRequest(server_id=web.id)).server
    assert shown.name == 'web'


# ====== KEYS ======


def project_of_a_key() -> None:
    """Have the SDK ask for the project, which is called like the region."""
    del os.environ['HUAWEICLOUD_SDK_PROJECT_ID']
    found = (
        v2.ImsClient.new_builder()
        .with_http_config(config)
        .with_credentials(BasicCredentials(ACCESS, SECRET))
        .with_region(ImsRegion.value_of(REGION))
        .build()
    )
    quotas = found.show_image_quota(v2.ShowImageQuotaRequest()).quotas
    assert quotas.resources[0].used >= 1


def wrong_key() -> None:
    other = (
        v2.ImsClient.new_builder()
        .with_http_config(config)
        .with_credentials(BasicCredentials(ACCESS, 'wrong', PROJECT))
        .with_region(ImsRegion.value_of(REGION))
        .build()
    )
    error = refused(lambda: other.list_images(v2.ListImagesRequest()))
    assert (error.status_code, error.error_code) == (401, 'APIGW.0301')


# ====== DELETING ======


def glance_delete_image() -> None:
    for image_id in images.values():
        ims.glance_delete_image(
            v2.GlanceDeleteImageRequest(
                image_id=image_id, body=v2.GlanceDeleteImageRequestBody()
            )
        )
    error = refused(
        lambda: ims.glance_show_image(
            v2.GlanceShowImageRequest(image_id=images['sdk'])
        )
    )
    assert error.status_code == 404


for each in (
    create_image,
    create_image_in_safe_mode,
    create_image_of_a_server,
    create_data_image,
    import_image_quick,
    register_image,
    refusal,
    list_images,
    list_images_in_pages,
    glance_list_images,
    glance_show_image,
    show_job_progress,
    show_image_quota,
    list_os_versions,
    versions,
    schemas,
    update_image,
    glance_update_image,
    export_image,
    export_image_in_safe_mode,
    copy_image_in_region_in_safe_mode,
    add_image_tag,
    batch_add_or_delete_tags,
    create_or_update_tags,
    list_image_by_tags,
    delete_image_tag,
    glance_tags,
    members,
    batch_members,
    create_whole_image,
    iam_projects,
    iam_domains,
    iam_catalog,
    domain_of_a_key,
    nova_servers,
    list_servers_details,
    show_volume,
    project_of_a_key,
    wrong_key,
    glance_delete_image,
):
    attempt(each.__name__, each)
