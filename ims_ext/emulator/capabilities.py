# SPDX-License-Identifier: Apache-2.0
"""The emulator's capabilities, and the routers that lead to them."""

import collections
from collections.abc import Callable

from ims_ext.emulator.api import glance
from ims_ext.emulator.api.cloud_image import CloudImagesApi
from ims_ext.emulator.api.creation import CreationApi
from ims_ext.emulator.api.job import JobsApi
from ims_ext.emulator.api.job_progress import JobProgressApi
from ims_ext.emulator.api.legacy import LegacyImagesApi
from ims_ext.emulator.api.member import MembersApi
from ims_ext.emulator.api.native import NativeImagesApi
from ims_ext.emulator.api.native_member import NativeMembersApi
from ims_ext.emulator.api.os_version import OsVersionsApi
from ims_ext.emulator.api.quota import QuotasApi
from ims_ext.emulator.api.schema import SchemasApi
from ims_ext.emulator.api.server_image import ServerImagesApi
from ims_ext.emulator.api.tag import TagsApi
from ims_ext.emulator.api.tag_search import TagSearchApi
from ims_ext.emulator.api.transfer import TransferApi
from ims_ext.emulator.api.version import VersionsApi
from ims_ext.emulator.api.whole_image import WholeImagesApi
from ims_ext.emulator.dispatch import Services
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import KEY_MANAGEMENT
from ims_ext.emulator.http import Router
from ims_ext.emulator.openstack.access_key import AccessKeysApi
from ims_ext.emulator.openstack.agency import AgenciesApi
from ims_ext.emulator.openstack.application_credential import (
    ApplicationCredentialsApi,
)
from ims_ext.emulator.openstack.block_storage import BlockStorageApi
from ims_ext.emulator.openstack.cloud_server import CloudServersApi
from ims_ext.emulator.openstack.cloud_server_change import (
    CloudServerChangesApi,
)
from ims_ext.emulator.openstack.cloud_volume import CloudVolumesApi
from ims_ext.emulator.openstack.compute import ComputeApi
from ims_ext.emulator.openstack.directory import DirectoryApi
from ims_ext.emulator.openstack.flavor import FlavorsApi
from ims_ext.emulator.openstack.identity import IdentityApi
from ims_ext.emulator.openstack.key_management import KeyManagementApi
from ims_ext.emulator.openstack.role import RolesApi
from ims_ext.emulator.openstack.server_creation import ServerCreationApi
from ims_ext.emulator.openstack.user import UsersApi
from ims_ext.emulator.openstack.vault import VaultsApi
from ims_ext.emulator.openstack.vault_backup import VaultBackupsApi
from ims_ext.emulator.openstack.volume_attachment import VolumeAttachmentsApi
from ims_ext.emulator.openstack.volume_backup import VolumeBackupsApi
from ims_ext.emulator.openstack.volume_creation import VolumeCreationApi
from ims_ext.emulator.profile import ALL_CLOUDS
from ims_ext.emulator.service import Service
from ims_ext.emulator.work.image_upload import ImageUpload
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.emulator.work.new_image import NewImages
from ims_ext.emulator.work.settling import Settling
from ims_ext.emulator.work.sharing import Sharing

#: The capabilities that answer requests, and the runner of their jobs.
CAPABILITIES: tuple[Callable[[Service], object], ...] = (
    IdentityApi,
    DirectoryApi,
    UsersApi,
    RolesApi,
    ApplicationCredentialsApi,
    AccessKeysApi,
    AgenciesApi,
    VersionsApi,
    SchemasApi,
    NativeImagesApi,
    NativeMembersApi,
    ImageUpload,
    Sharing,
    NewImages,
    Settling,
    JobRunner,
    JobsApi,
    JobProgressApi,
    CloudImagesApi,
    CreationApi,
    ServerImagesApi,
    WholeImagesApi,
    ComputeApi,
    ServerCreationApi,
    VolumeAttachmentsApi,
    FlavorsApi,
    CloudServersApi,
    CloudServerChangesApi,
    BlockStorageApi,
    CloudVolumesApi,
    VolumeCreationApi,
    VolumeBackupsApi,
    KeyManagementApi,
    VaultsApi,
    VaultBackupsApi,
    TransferApi,
    LegacyImagesApi,
    MembersApi,
    OsVersionsApi,
    QuotasApi,
    TagsApi,
    TagSearchApi,
)

#: The shape of refusals outside any operation, by service.
_DIALECTS = {
    IDENTITY: Dialect.KEYSTONE,
    IMAGE: Dialect.GLANCE,
    COMPUTE: Dialect.COMPUTE,
    BLOCK_STORAGE: Dialect.COMPUTE,
    KEY_MANAGEMENT: Dialect.KEY_MANAGEMENT,
    BACKUP: Dialect.BACKUP,
}


def services(service: Service) -> Services:
    """Construct the capabilities, and the routers that lead to them."""
    service.assemble(
        glance.capabilities(CAPABILITIES)
        if service.settings.glance == 'full'
        else CAPABILITIES
    )
    by_mount = collections.defaultdict(list)
    for capability in service.capabilities:
        by_mount[getattr(capability, 'mount', IMAGE)].append(capability)
    users = service.capability(IdentityApi)
    profile = service.settings.profile
    return Services(
        {
            name: Router(
                by_mount[name],
                users.authenticate,
                dialect,
                needs_project=name != IDENTITY,
                profile=profile if name == IMAGE else ALL_CLOUDS,
            )
            for name, dialect in _DIALECTS.items()
        },
        service.addresses,
        users.is_known,
    )
