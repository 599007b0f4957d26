# SPDX-License-Identifier: Apache-2.0
"""An ambiguous name is told with the IDs of all that have it."""

from types import SimpleNamespace as Thing
from typing import Any, Never

from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.extension import ambiguity

THINGS = [
    Thing(id='a', name='x'),
    Thing(id='b', name='xy'),
    Thing(id='c', name='x'),
]


def find() -> Never:
    raise sdk_exceptions.DuplicateResource("More than one Server exists")


def test_the_ids_of_those_with_just_that_name_are_told() -> None:
    with pytest.raises(sdk_exceptions.DuplicateResource, match=r'ID: a, c$'):
        ambiguity.told('server', 'x', find, lambda: THINGS)


def test_where_they_cannot_be_listed_the_first_error_stays() -> None:
    def refuse() -> Any:
        raise sdk_exceptions.ForbiddenException("no")

    with pytest.raises(sdk_exceptions.DuplicateResource, match='More than'):
        ambiguity.told('server', 'x', find, refuse)
