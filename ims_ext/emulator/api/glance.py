# SPDX-License-Identifier: Apache-2.0
"""The capabilities of a whole Glance, beside what the clouds document."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ims_ext.emulator.api.glance_image import GlanceImagesApi
from ims_ext.emulator.api.glance_import import GlanceImportApi
from ims_ext.emulator.api.glance_schema import GlanceSchemasApi
from ims_ext.emulator.api.image_action import ImageActionsApi
from ims_ext.emulator.api.image_cache import ImageCacheApi
from ims_ext.emulator.api.location_import import LocationImportApi
from ims_ext.emulator.api.metadef import MetadefsApi
from ims_ext.emulator.api.metadef_part import MetadefPartsApi
from ims_ext.emulator.api.metadef_part import ResourceTypesApi
from ims_ext.emulator.api.metadef_schema import MetadefSchemasApi
from ims_ext.emulator.api.native import NativeImagesApi
from ims_ext.emulator.api.schema import SchemasApi
from ims_ext.emulator.api.store import StoresApi
from ims_ext.emulator.api.task import TasksApi
from ims_ext.emulator.service import Service

Capability: TypeAlias = Callable[[Service], object]

#: What takes the place of a documented capability.
_INSTEAD: dict[Capability, Capability] = {
    NativeImagesApi: GlanceImagesApi,
    SchemasApi: GlanceSchemasApi,
}
_BESIDE: tuple[Capability, ...] = (
    StoresApi,
    TasksApi,
    ImageActionsApi,
    GlanceImportApi,
    LocationImportApi,
    ImageCacheApi,
    MetadefsApi,
    MetadefPartsApi,
    ResourceTypesApi,
    MetadefSchemasApi,
)
#: All that is there with a whole Glance only.
ADDED = (*_INSTEAD.values(), *_BESIDE)


def capabilities(documented: Iterable[Capability]) -> list[Capability]:
    """Return the capabilities of an emulator with a whole Glance.

    :param documented: Those that the clouds document.
    """
    return [_INSTEAD.get(each, each) for each in documented] + list(_BESIDE)
