# SPDX-License-Identifier: Apache-2.0
"""Names that an image's own properties cannot have."""

import functools

from ims_ext import wire_names
from ims_ext.extension.cloud_image import CloudImage
from ims_ext.pipeline.manifest import building

#: Settings of manifests that have other names than the attributes.
_SETTINGS = {
    'description': 'description',
    'is_protected': 'protected',
    'name': 'name',
    'tags': 'tags',
}


def problem(name: str) -> str | None:
    """Return why no property can have a name, ``None`` where one can.

    :param name: The name.
    """
    attribute = _documented().get(name)
    if attribute is None:
        return None
    said = f"{name} is an attribute that the service documents, no property"
    setting = _SETTINGS.get(attribute, attribute)
    if setting in (*building.ATTRIBUTES, *_SETTINGS.values()):
        return f"{said}; {setting}, beside properties, sets it"
    return f"{said}; a manifest does not set it"


@functools.cache
def _documented() -> dict[str, str]:
    """Return the attributes' names, by those that the service has."""
    return wire_names.attribute_names(CloudImage)
