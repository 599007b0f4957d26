# SPDX-License-Identifier: Apache-2.0
"""The extension's view of images: listing them, and changing attributes."""

from collections.abc import Callable
import re
from typing import Any

from ims_ext.emulator.api import cloud_image_query
from ims_ext.emulator.api import image_query
from ims_ext.emulator.api import rules
from ims_ext.emulator.api.image_attributes import BASE
from ims_ext.emulator.api.image_attributes import SERVICE_OWNED
from ims_ext.emulator.api.image_attributes import view
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.work.image_access import own_image

#: How many extension attributes an image has at most.
EXTENSION_LIMIT = 128

_EXTENSION_NAME = re.compile(r'[^A-Z/~\s]{1,255}')

#: Attributes that other operations, or only the service itself, set.
_FIXED = (BASE | SERVICE_OWNED | {'__os_version'}) - {'name', 'min_ram'}

#: Attributes that are there or not, but cannot both be.
_EXCLUSIVE = (
    ('__support_xen_gpu_type', ('__support_xen', '__support_kvm')),
    ('__support_kvm_gpu_type', ('__support_xen', '__support_kvm')),
    ('__support_xen_hana', ('__support_xen', '__support_kvm')),
    ('__support_kvm_infiniband', ('__support_xen',)),
)


class CloudImagesApi:
    """Operations 1 and 2."""

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self.profile = service.settings.profile

    @route('GET', '/v2/cloudimages')
    def list(self, request: Request) -> Answer:
        """List images, a page at a time, by default without any link."""
        query = cloud_image_query.parse(request.args, request.project_id)
        limit = min(query.limit or 0, self.profile.largest_page)
        # One more tells whether another page follows.
        query.limit = limit + self.profile.links_pages
        images = cloud_image_query.select(self.state.images, query)
        page = images[:limit]
        answer = {
            'images': [cloud_view(image, request.project_id) for image in page]
        }
        if not self.profile.links_pages:
            return answer
        more = len(images) > limit > 0
        return {
            **answer,
            **image_query.next_links(
                '/v2/cloudimages', request.args, page[-1].id if more else None
            ),
        }

    @route('PATCH', '/v2/cloudimages/<image_id>')
    def update(self, request: Request, image_id: str) -> Answer:
        """Change attributes of an active image: all as asked, or none."""
        changes = rules.json_body(request)
        if not isinstance(changes, list):
            raise ImsError('IMG.0001', "The request body must be an array.")
        with self.state.transaction():
            image = own_image(self.state, image_id, request.project_id)
            if image.status != 'active':
                raise ImsError('IMG.0046')
            for change in changes:
                _apply(image, change)
            _check_exclusive(image)
            self.state.images.save(image)
        return cloud_view(image, request.project_id)


def cloud_view(image: Image, project_id: str) -> dict[str, Any]:
    """Return an image as the extension operations answer it.

    :param project_id: Who looks.
    """
    body = view(image, project_id)
    # For the owner too, who tells the two kinds apart by the owner.
    if image.visibility == 'shared':
        body['__imagetype'] = 'shared'
    return body


def _apply(image: Image, change: Any) -> None:
    if not isinstance(change, dict):
        raise ImsError('IMG.0001', "A change must be a JSON object.")
    operation = change.get('op')
    if operation not in ('add', 'replace', 'remove'):
        raise ImsError('IMG.0001', "op must be add, replace or remove.")
    attribute = _attribute(change.get('path'))
    if operation == 'remove':
        _remove(image, attribute)
        return
    if 'value' not in change:
        raise ImsError('IMG.0001', f"There is no value for {attribute}.")
    if operation == 'replace' and image.get(attribute) is None:
        raise ImsError(
            'IMG.0035', f"There is no {attribute} that could be replaced."
        )
    _set(image, attribute, change['value'])


def _attribute(path: Any) -> str:
    """Return the attribute that a change's path names."""
    pointer = rules.text('path', path)
    name = pointer[1:].replace('~1', '/').replace('~0', '~')
    if not pointer.startswith('/') or not _EXTENSION_NAME.fullmatch(name):
        raise ImsError(
            'IMG.0001',
            "path must be a slash and the name of an attribute, without "
            "upper-case letters.",
        )
    if name in _FIXED:
        raise ImsError('IMG.0105', f"The attribute {name} cannot be changed.")
    return name


def _remove(image: Image, attribute: str) -> None:
    if attribute in ('name', 'min_ram'):
        raise ImsError(
            'IMG.0105', f"The attribute {attribute} cannot be removed."
        )
    if attribute not in image.attributes:
        raise ImsError(
            'IMG.0035', f"There is no {attribute} that could be removed."
        )
    del image.attributes[attribute]


def _set(image: Image, attribute: str, value: Any) -> None:
    if attribute == 'name':
        image.name = rules.image_name(value)
    elif attribute == 'hw_firmware_type':
        architecture = 'arm' if image.get('__support_arm') == 'true' else 'x86'
        if not value:
            raise ImsError('IMG.0141')
        image.attributes.update(rules.firmware(value, architecture))
    else:
        check = _CHECKS.get(attribute) or _extension_value
        image.attributes[attribute] = check(attribute, value)
        if sum(name not in BASE for name in image.attributes) > (
            EXTENSION_LIMIT
        ):
            raise ImsError('IMG.0035', "The image has too many attributes.")


def _check_exclusive(image: Image) -> None:
    for attribute, others in _EXCLUSIVE:
        if image.get(attribute) is None:
            continue
        for other in others:
            if image.get(other) == 'true':
                raise ImsError(
                    'IMG.0035', f"{attribute} and {other} exclude each other."
                )


def _extension_value(attribute: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    value = rules.text(attribute, value)
    if len(value) > 65535:
        raise ImsError('IMG.0001', f"The value of {attribute} is too long.")
    return str(value)


def _flag(attribute: str, value: Any) -> str:
    return str(rules.flag(attribute, value)).lower()


def _graphics(*permitted: str) -> Callable[[str, Any], str]:
    def check(attribute: str, value: Any) -> str:
        if value not in permitted:
            raise ImsError(
                'IMG.0001',
                f"The value of {attribute} must be one of "
                f"{', '.join(permitted)}.",
            )
        return str(value)

    return check


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    '__description': lambda _, value: rules.description(value),
    'min_ram': rules.whole_number,
    'max_ram': lambda name, value: str(rules.whole_number(name, value)),
    'enterprise_project_id': (
        lambda _, value: rules.enterprise_project(value)
    ),
    '__support_xen_gpu_type': _graphics('M60_vGPU'),
    '__support_kvm_gpu_type': _graphics(
        'P4', 'M60', 'V100_vGPU', 'P2V_V100', 'P100', 'V100'
    ),
    **dict.fromkeys(
        (
            '__support_kvm',
            '__support_xen',
            '__support_largememory',
            '__support_diskintensive',
            '__support_highperformance',
            '__support_xen_hana',
            '__support_kvm_infiniband',
            '__support_kvm_hi1822_hisriov',
            '__support_kvm_hi1822_hivirtionet',
            '__support_fc_inject',
            '__support_amd',
            '__is_config_init',
            'hw_vif_multiqueue_enabled',
        ),
        _flag,
    ),
}
