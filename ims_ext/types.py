# SPDX-License-Identifier: Apache-2.0
"""The names that programs with type annotations need, in one place.

``conn.ims`` as it is without capabilities of other packages, connections that
have it, what its methods return, and what they take.
"""

from typing import TYPE_CHECKING

from openstack import connection
from openstack.image.v2.image import Image
from openstack.image.v2.member import Member

from ims_ext.extension.cloud_image import AnyImage
from ims_ext.extension.cloud_image import CloudImage
from ims_ext.extension.creation import DataImageAttributes
from ims_ext.extension.creation import ImportAttributes
from ims_ext.extension.creation import QuickImportAttributes
from ims_ext.extension.creation_body import ServerImageAttributes
from ims_ext.extension.file_import import FileImportMixin
from ims_ext.extension.job import Job
from ims_ext.extension.job_progress import JobProgressMixin
from ims_ext.extension.job_progress import TrackedJob
from ims_ext.extension.legacy import LegacyImage
from ims_ext.extension.legacy import LegacyMixin
from ims_ext.extension.member import AnyProject
from ims_ext.extension.member import ImageMember
from ims_ext.extension.member import MemberMixin
from ims_ext.extension.member_result import MemberResult
from ims_ext.extension.os_version import OsVersion
from ims_ext.extension.os_version import OsVersionMixin
from ims_ext.extension.query import ImageChanges
from ims_ext.extension.query import ImageFilters
from ims_ext.extension.query import LegacyImageFilters
from ims_ext.extension.query import OsVersionFilters
from ims_ext.extension.query import PageFilters
from ims_ext.extension.query import TagFilters
from ims_ext.extension.quota import Quota
from ims_ext.extension.quota import QuotaMixin
from ims_ext.extension.server_image import ServerImageMixin
from ims_ext.extension.server_image import VolumeImageAttributes
from ims_ext.extension.tag import TagMixin
from ims_ext.extension.tag_rules import OldTags
from ims_ext.extension.tag_rules import Tag
from ims_ext.extension.tag_rules import Tags
from ims_ext.extension.tag_rules import TagValues
from ims_ext.extension.tag_search import TaggedImage
from ims_ext.extension.tag_search import TagSearch
from ims_ext.extension.tag_search import TagSearchMixin
from ims_ext.extension.transfer import CopyAttributes
from ims_ext.extension.transfer import RegionCopyAttributes
from ims_ext.extension.transfer import TransferMixin
from ims_ext.extension.version import ApiVersion
from ims_ext.extension.version import VersionMixin
from ims_ext.extension.whole_image import WholeImageAttributes
from ims_ext.extension.whole_image import WholeImageMixin
from ims_ext.pipeline.capability import PipelineMixin

__all__ = [
    'AnyImage',
    'AnyProject',
    'ApiVersion',
    'CloudImage',
    'Connection',
    'CopyAttributes',
    'DataImageAttributes',
    'Image',
    'ImageChanges',
    'ImageFilters',
    'ImageMember',
    'ImageService',
    'ImportAttributes',
    'Job',
    'LegacyImage',
    'LegacyImageFilters',
    'Member',
    'MemberResult',
    'OldTags',
    'OsVersion',
    'OsVersionFilters',
    'PageFilters',
    'QuickImportAttributes',
    'Quota',
    'RegionCopyAttributes',
    'ServerImageAttributes',
    'Tag',
    'TagFilters',
    'TagSearch',
    'TagValues',
    'TaggedImage',
    'Tags',
    'TrackedJob',
    'VolumeImageAttributes',
    'WholeImageAttributes',
]


class ImageService(
    FileImportMixin,
    JobProgressMixin,
    LegacyMixin,
    MemberMixin,
    OsVersionMixin,
    PipelineMixin,
    QuotaMixin,
    ServerImageMixin,
    TagMixin,
    TagSearchMixin,
    TransferMixin,
    VersionMixin,
    WholeImageMixin,
):
    """``conn.ims``: openstacksdk's image proxy and the extensions.

    Every method of ``conn.image`` is here unchanged. Where another package
    registers capabilities of its own, ``conn.ims`` is a subclass with them.
    """


if TYPE_CHECKING:

    class Connection(connection.Connection):
        """A connection with ``conn.ims``.

        For annotations: at run time it is openstacksdk's own class.
        """

        ims: ImageService
else:
    Connection = connection.Connection
