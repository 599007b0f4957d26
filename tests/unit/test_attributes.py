# SPDX-License-Identifier: Apache-2.0
"""What ``help()`` says of resources."""

import pydoc
from typing import Any

from openstack import fields
import pytest

from ims_ext import resource
from ims_ext import types


def resources() -> list[Any]:
    """Return the classes of what methods of ``conn.ims`` return."""
    public = (getattr(types, name) for name in types.__all__)
    return [
        each
        for each in public
        if isinstance(each, type) and issubclass(each, resource.Resource)
    ]


@pytest.mark.parametrize('kind', resources(), ids=lambda each: each.__name__)
def test_help_explains_every_attribute(kind: Any) -> None:
    shown = pydoc.render_doc(kind, renderer=pydoc.plaintext)
    shown = ' '.join(shown.replace('|', ' ').split())
    declared = {
        name: component
        for name, component in vars(kind).items()
        if isinstance(component, fields.Body | fields.URI)
    }
    assert declared
    for name, component in declared.items():
        assert component.__doc__, name
        assert f'{name} {" ".join(component.__doc__.split())}' in shown


def test_help_tells_units_and_permitted_values() -> None:
    image = types.CloudImage
    assert 'GiB' in str(image.__dict__['min_disk'].__doc__)
    assert 'MiB' in str(image.__dict__['min_ram'].__doc__)
    assert '``private``' in str(image.__dict__['visibility'].__doc__)
