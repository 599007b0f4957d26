# SPDX-License-Identifier: Apache-2.0
"""Documented answers are as the emulator's OpenAPI document says."""

from collections.abc import Iterator
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer

from ..described_cloud import Described
from ..described_cloud import document_of
from .conftest import EXAMPLES

#: Requests of the reference, by the page that they are on.
REQUESTS = {
    each['doc']: (each['method'], each['path'].partition('?')[0])
    for each in EXAMPLES['requests']
}
ANSWERS = [
    pytest.param(each, id=f'{number}-{each["doc"].rpartition("/")[2]}')
    for number, each in enumerate(EXAMPLES['responses'])
]


@pytest.fixture(scope='module')
def described() -> Iterator[Described]:
    """Give the document of an emulator."""
    with EmulatorServer() as server:
        yield Described(document_of(server))


@pytest.mark.parametrize('example', ANSWERS)
def test_a_documented_answer_is_as_described(
    described: Described, example: dict[str, Any]
) -> None:
    method, path = REQUESTS[example['doc']]

    described.hold(method, path, example['body'])
