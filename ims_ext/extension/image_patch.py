# SPDX-License-Identifier: Apache-2.0
"""Changes of an image: the permitted ones, as the smallest patch."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from openstack import fields
from openstack import resource as sdk_resource

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext import wire_names
from ims_ext.extension import image_filter

#: Attributes that operation 2 permits to change, on any of the clouds.
UPDATABLE = frozenset(
    (
        'name',
        'description',
        'enterprise_project_id',
        'min_ram',
        'max_ram',
        'hw_firmware_type',
        'is_config_init',
        'is_vif_multiqueue_enabled',
        'is_kvm_supported',
        'is_xen_supported',
        'is_large_memory_supported',
        'is_disk_intensive_supported',
        'is_high_performance_supported',
        'xen_gpu_type',
        'kvm_gpu_type',
        'is_xen_hana_supported',
        'is_kvm_infiniband_supported',
        'is_hi1822_sriov_supported',
        'is_hi1822_virtio_net_supported',
        'is_amd',
        'is_injection_unsupported',
    )
)

#: Of these, those that are as good as properties: what an image supports.
SUPPORT = frozenset(
    name
    for name in UPDATABLE
    if name.startswith('is_') or name.endswith('_gpu_type')
)

#: What changes other attributes.
_ELSEWHERE = {
    'min_disk': "update_image changes it (--min-disk)",
    'os_version': (
        "update_image(image, **{'__os_version': …}) changes it (--os-version)"
    ),
    'is_protected': "update_image changes it (--protected, --unprotected)",
    'tags': (
        "create_image_tags and delete_image_tags change them (image tag add, "
        "image tag remove)"
    ),
    'visibility': "sharing changes it (add_image_members, image member add)",
}

#: Of these, an image has only one side.
_EXCLUSIVE = (
    ('xen_gpu_type', ('is_xen_supported', 'is_kvm_supported')),
    ('kvm_gpu_type', ('is_xen_supported', 'is_kvm_supported')),
    ('is_xen_hana_supported', ('is_xen_supported', 'is_kvm_supported')),
    ('is_kvm_infiniband_supported', ('is_xen_supported',)),
)


#: Codes that changes are refused with which do not go with the image.
_OUTDATED = frozenset(('IMG.0035',))


def wire_changes(
    image_type: type[resource.Resource], attrs: Mapping[str, Any]
) -> dict[str, str | None]:
    """Return new values under the service's names, checked."""
    names = {
        python: component.name
        for python, component in wire_names.attributes(image_type, fields.Body)
    }
    python_names = {wire: python for python, wire in names.items()}
    changes: dict[str, str | None] = {}
    for given, value in attrs.items():
        if given == 'properties':
            changes.update(_own_properties(value, python_names))
            continue
        name = given if given in names else python_names.get(given, given)
        if name in names and name not in UPDATABLE:
            elsewhere = _ELSEWHERE.get(name)
            raise exceptions.ValidationError(
                f"The service does not permit changing {given} here; "
                + (elsewhere or f"it permits {', '.join(sorted(UPDATABLE))}")
            )
        if name == 'name' and value is None:
            raise exceptions.ValidationError(
                "An image's name can be changed, but not removed"
            )
        if name not in names and image_filter.is_wire_name(name):
            # One that the references do not name: the cloud decides.
            image_filter.check_underscores('attribute', name, python_names)
            changes[name] = (
                None if value is None else _undocumented(name, value)
            )
            continue
        validation.check_known('attribute', [name], UPDATABLE)
        changes[names[name]] = (
            None if value is None else _wire_value(name, value)
        )
    return changes


def split_properties(
    image_type: type[resource.Resource], properties: Mapping[str, Any]
) -> dict[str, Any]:
    """Return changes of which some are attributes, and others properties.

    :param image_type: The class of the images.
    :param properties: New values. What the service writes as it is here is
        an attribute, and so are :data:`SUPPORT`; everything else is a
        property of the image's own, whatever attribute it is spelt like.
    :returns: Changes for ``update_cloud_image``.
    """
    attributes = {
        component.name
        for python, component in wire_names.sent_attributes(image_type)
        if python != 'location'
    } | SUPPORT
    changes: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in properties.items():
        is_attribute = name in attributes or image_filter.is_wire_name(name)
        (changes if is_attribute else own)[name] = value
    return changes | ({'properties': own} if own else {})


def _own_properties(
    properties: Any, documented: Iterable[str]
) -> dict[str, str | None]:
    if not isinstance(properties, Mapping):
        raise exceptions.ValidationError(
            f"properties is a mapping of names to values, not {properties!r}"
        )
    for name in properties:
        if not isinstance(name, str):
            raise exceptions.ValidationError(
                f"A property's name is a string, not {name!r}"
            )
        if not name or name != name.lower() or '/' in name:
            raise exceptions.ValidationError(
                f"A property's name has no capital letters and no '/': "
                f"{name!r}"
            )
        if name in documented:
            raise exceptions.ValidationError(
                f"{name} is not one of the image's own properties but an "
                f"attribute that the service documents"
            )
    return {
        name: None if value is None else validation.check_text(name, value)
        for name, value in properties.items()
    }


def _undocumented(name: str, value: Any) -> str:
    return image_filter.as_text(validation.check_text(name, value))


def _wire_value(name: str, value: Any) -> str:
    if name == 'name':
        return validation.check_name(value)
    if name == 'description':
        return validation.check_description(value)
    if name in ('min_ram', 'max_ram'):
        return str(validation.check_number(name, value, 'MiB'))
    if name == 'hw_firmware_type':
        return validation.check_choice(name, value, validation.FIRMWARE_TYPES)
    if name.startswith('is_'):
        return str(validation.check_flag(name, value)).lower()
    return validation.check_text(name, value)


def check_exclusive(
    image: resource.Resource, attrs: Mapping[str, Any]
) -> None:
    """Refuse what would give an image two sides that exclude each other."""
    for name, others in _EXCLUSIVE:
        if not attrs.get(name, getattr(image, name)):
            continue
        for other in others:
            if (name in attrs or other in attrs) and attrs.get(
                other, getattr(image, other)
            ):
                raise exceptions.ValidationError(
                    f"An image cannot have both {name} and {other}: remove "
                    f"the other one in the same call"
                )


def difference(
    image: sdk_resource.Resource, wanted: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Return the shortest way from the image as it is to what is wanted."""
    body = cast(dict[str, Any], dict(sdk.body_attributes(image)))
    present = {**(body.pop('properties', None) or {}), **body}
    patch: list[dict[str, Any]] = []
    for name, value in sorted(wanted.items()):
        current = present.get(name)
        path = f'/{name}'
        if value is None:
            if name in present:
                patch.append({'op': 'remove', 'path': path})
        elif current is None:
            patch.append({'op': 'add', 'path': path, 'value': value})
        elif _as_wire(current) != value:
            patch.append({'op': 'replace', 'path': path, 'value': value})
    return patch


def may_be_outdated(error: exceptions.CloudImageHttpError) -> bool:
    """Whether a refusal may come of another state of the image.

    What is replaced or removed has to be there, for one.

    :param error: The refusal of a patch.
    """
    return error.status_code == 409 or error.code in _OUTDATED


def _as_wire(value: Any) -> str:
    if isinstance(value, bool) or str(value).lower() in ('true', 'false'):
        return str(value).lower()
    return str(value)
