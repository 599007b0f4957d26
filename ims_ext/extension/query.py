# SPDX-License-Identifier: Apache-2.0
"""Filters and new values of images, as type checkers and editors know them.

What is checked at run time is in :mod:`ims_ext.extension.image_filter` and
:mod:`ims_ext.extension.image_patch`.
"""

from collections.abc import Iterable, Mapping, Sequence
import datetime
from typing import Any, Literal, TypeAlias, TypedDict

from openstack.image.v2 import image as _image

#: A time: as such, as ISO 8601 with or without an operator in front, or a
#: mapping of operators to times.
Time: TypeAlias = (
    str | datetime.date | Mapping[str, str | datetime.date] | None
)
#: A truth value, or one as the service writes it.
Flag: TypeAlias = bool | str | None
#: A whole number, or one as the service writes it.
Number: TypeAlias = int | str | None

SortDirection: TypeAlias = Literal['asc', 'desc']

#: The service's own names; a class cannot have names that begin so.
WireFilters = TypedDict(
    'WireFilters',
    {
        '__imagetype': str | None,
        '__isregistered': Flag,
        '__os_bit': Number,
        '__os_type': str | None,
        '__os_version': str | None,
        '__platform': str | None,
        '__support_agent_list': str | None,
        '__support_diskintensive': Flag,
        '__support_highperformance': Flag,
        '__support_kvm': Flag,
        '__support_kvm_gpu_type': str | None,
        '__support_kvm_infiniband': Flag,
        '__support_largememory': Flag,
        '__support_xen': Flag,
        '__support_xen_gpu_type': str | None,
        '__support_xen_hana': Flag,
        '__system__cmkid': str | None,
        '__system_cmkid': str | None,
        '__whole_image': Flag,
        'protected': Flag,
    },
    total=False,
)


class ImageFilters(WireFilters, total=False):
    """Filters of ``cloud_images`` and ``find_cloud_image``.

    Those that are ``None`` are left out. Further names that begin with
    ``__`` are not listed; they are passed from a mapping of ``Any``.
    """

    agents: str | None
    architecture: str | None
    cmk_id: str | None
    container_format: str | None
    created_at: Time
    disk_format: str | None
    enterprise_project_id: str | None
    flavor_id: str | None
    hw_disk_bus: str | None
    id: str | _image.Image | Iterable[Any] | None
    image_type: str | None
    is_disk_intensive_supported: Flag
    is_hidden: Flag
    is_high_performance_supported: Flag
    is_kvm_infiniband_supported: Flag
    is_kvm_supported: Flag
    is_large_memory_supported: Flag
    is_protected: Flag
    is_registered: Flag
    is_whole_image: Flag
    is_xen_hana_supported: Flag
    is_xen_supported: Flag
    kvm_gpu_type: str | None
    limit: Number
    marker: str | None
    member_status: str | None
    min_disk: Number
    min_ram: Number
    name: str | None
    os_bit: Number
    os_hidden: Flag
    os_type: str | None
    os_version: str | None
    owner: str | None
    platform: str | None
    properties: Mapping[str, Any] | None
    size_max: Number
    size_min: Number
    sort_dir: SortDirection | None
    sort_key: str | None
    status: str | None
    tag: str | Mapping[str, str] | Sequence[Any] | None
    updated_at: Time
    virtual_env_type: str | None
    visibility: str | None
    xen_gpu_type: str | None


class TagFilters(ImageFilters, total=False):
    """Filters of ``tags``: those of images, and the page to begin with."""

    page: Number


class ImageChanges(TypedDict, total=False):
    """New values for ``update_cloud_image``; ``None`` removes.

    Further names that begin with ``__`` are not listed; they are passed from
    a mapping of ``Any``.
    """

    description: str | None
    enterprise_project_id: str | None
    hw_firmware_type: str | None
    is_amd: Flag
    is_config_init: Flag
    is_disk_intensive_supported: Flag
    is_hi1822_sriov_supported: Flag
    is_hi1822_virtio_net_supported: Flag
    is_high_performance_supported: Flag
    is_injection_unsupported: Flag
    is_kvm_infiniband_supported: Flag
    is_kvm_supported: Flag
    is_large_memory_supported: Flag
    is_vif_multiqueue_enabled: Flag
    is_xen_hana_supported: Flag
    is_xen_supported: Flag
    kvm_gpu_type: str | None
    max_ram: Number
    min_ram: Number
    name: str
    properties: Mapping[str, Any]
    xen_gpu_type: str | None


class LegacyImageFilters(TypedDict, total=False):
    """Filters of ``legacy_images``."""

    changes_since: str | datetime.datetime | None
    container_format: str | None
    disk_format: str | None
    name: str | None
    size_max: Number
    size_min: Number
    status: str | None


class OsVersionFilters(TypedDict, total=False):
    """Filters of ``os_versions``."""

    tag: str | Iterable[str] | None


class PageFilters(TypedDict, total=False):
    """Where a list begins, and how large its pages are."""

    limit: Number
    marker: str | None
