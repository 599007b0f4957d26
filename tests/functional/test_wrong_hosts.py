# SPDX-License-Identifier: Apache-2.0
"""Hosts that are not there: one is told so soon, not after two minutes."""

from collections.abc import Iterator
import socket
import time

import pytest

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.transport import failures
from ims_ext.transport import retry

from .own_cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Give an emulator."""
    with EmulatorServer() as server:
        yield Cloud(server)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have nobody wait; give the seconds that are to be waited."""
    found: list[float] = []
    monkeypatch.setattr(time, 'sleep', found.append)
    return found


def refusing_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_a_port_that_nobody_has_ever_listened_at(
    cloud: Cloud, pauses: list[float]
) -> None:
    cloud.conn.ims.endpoint_override = (
        f'http://127.0.0.1:{refusing_port()}/image'
    )
    with pytest.raises(exceptions.NoAnswerError, match='refused'):
        list(cloud.conn.ims.cloud_images())
    assert 0 < sum(pauses) < 10


def test_a_name_that_there_is_not(cloud: Cloud, pauses: list[float]) -> None:
    cloud.conn.ims.endpoint_override = 'http://ims.nowhere.invalid/image'
    with pytest.raises(exceptions.NoAnswerError, match=r'nowhere\.invalid'):
        list(cloud.conn.ims.cloud_images())
    assert sum(pauses) < 10


def test_a_service_that_has_answered_is_waited_for(
    cloud: Cloud, pauses: list[float]
) -> None:
    list(cloud.conn.ims.cloud_images())
    cloud.server.stop()
    with pytest.raises(exceptions.NoAnswerError):
        list(cloud.conn.ims.cloud_images())
    assert sum(pauses) > 60


def test_the_ways_that_lead_nowhere_are_told_apart() -> None:
    policy = retry.Policy()
    refused = failures.Failure('connection', 'refused', is_strange=True)
    attempts = retry.Attempts(policy)
    seconds = 0.0
    while (pause := attempts.pause(refused)) is not None:
        seconds += pause
    assert seconds <= policy.strange_patience
