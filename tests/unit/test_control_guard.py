# SPDX-License-Identifier: Apache-2.0
"""Who may steer an emulator, by where a request comes from."""

import io
from typing import Any

import pytest

from ims_ext.emulator.control import application


@pytest.mark.parametrize(
    ('peer', 'is_answered'),
    [
        ('127.0.0.1', True),
        ('::1', True),
        ('::ffff:127.0.0.1', True),
        ('192.0.2.1', False),
        ('::ffff:192.0.2.1', False),
        ('', False),
    ],
)
def test_other_machines_control_nothing(peer: str, is_answered: bool) -> None:
    answered: list[str] = []
    environ: dict[str, Any] = {
        'REQUEST_METHOD': 'GET',
        'PATH_INFO': '/_emulator/nothing',
        'REMOTE_ADDR': peer,
        'HTTP_HOST': 'localhost',
        'HTTP_X_FORWARDED_FOR': '127.0.0.1',
        'SERVER_NAME': 'localhost',
        'SERVER_PORT': '9292',
        'wsgi.url_scheme': 'http',
        'wsgi.input': io.BytesIO(),
    }
    controlled = application.Controlled(lambda *_: [], None)  # type: ignore[arg-type]

    def start(status: str, *_: Any) -> Any:
        answered.append(status)

    controlled(environ, start)

    assert answered == ['404 NOT FOUND' if is_answered else '403 FORBIDDEN']
