# SPDX-License-Identifier: Apache-2.0
"""The log of requests: what is remembered, selected and written."""

import io
import json
from typing import Any

import pytest

from ims_ext.emulator import request_record
from ims_ext.emulator.control.recording import masked
from ims_ext.emulator.control.recording import refusal
from ims_ext.emulator.control.request_log import LogWriter
from ims_ext.emulator.control.request_log import RequestLog
from ims_ext.emulator.control.request_log import line
from ims_ext.emulator.request_record import RequestRecord
from ims_ext.emulator.request_record import SignedText

NOON = 1.7e9


def log(*records: RequestRecord) -> RequestLog:
    """Return a log of requests."""
    log = RequestLog()
    for record in records:
        log.add(record)
    return log


@pytest.fixture
def requests() -> RequestLog:
    """Give a log of a few requests."""
    return log(
        RequestRecord(
            method='GET',
            service='image',
            operation='Querying Images',
            route='/v2/cloudimages',
            status=200,
            time=NOON,
        ),
        RequestRecord(
            method='PUT',
            service='bucket',
            operation='PutObject',
            status=403,
            time=NOON + 1,
        ),
        RequestRecord(method='GET', service='image', time=NOON + 2),
    )


@pytest.mark.parametrize(
    ('conditions', 'numbers'),
    [
        ({}, [1, 2, 3]),
        ({'service': 'image'}, [1, 3]),
        ({'operation': 'querying'}, [1]),
        ({'operation': 'GET /v2/cloudimages'}, [1]),
        ({'operation': 'object'}, [2]),
        ({'status': 403}, [2]),
        ({'status': '2xx,4xx'}, [1, 2]),
        ({'status': 'none'}, [3]),
        ({'since': NOON + 1}, [2, 3]),
        ({'since': '2023-11-14T22:13:21Z'}, [2, 3]),
        ({'since': '2023-11-14T23:13:22+01:00'}, [3]),
        ({'after': 2}, [3]),
        ({'service': 'image', 'status': '5xx'}, []),
    ],
)
def test_requests_are_selected(
    requests: RequestLog, conditions: dict[str, Any], numbers: list[int]
) -> None:
    found = [each.number for each in requests.select(**conditions)]
    assert found == numbers


@pytest.mark.parametrize(
    'conditions',
    [{'status': 'bad'}, {'status': '99'}, {'since': 'today'}],
)
def test_what_is_no_condition_is_refused(
    requests: RequestLog, conditions: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match='not'):
        requests.select(**conditions)


def test_the_newest_requests_are_remembered() -> None:
    requests = RequestLog(capacity=2)
    for _ in range(5):
        requests.add(RequestRecord())

    assert [each.number for each in requests] == [4, 5]
    requests.clear()
    assert len(requests) == 0
    requests.add(RequestRecord())
    assert requests.last_number == 6


@pytest.mark.parametrize(
    ('query', 'shown'),
    [
        ('', ''),
        ('limit=5&name=a%20b', 'limit=5&name=a%20b'),
        (
            'X-Amz-Date=1&X-Amz-Signature=abc&X-Amz-Security-Token=t',
            'X-Amz-Date=1&X-Amz-Signature=***&X-Amz-Security-Token=***',
        ),
        (
            'AccessKeyId=AK&Expires=1&Signature=a%2Bb%3D',
            'AccessKeyId=AK&Expires=1&Signature=***',
        ),
        ('x-obs-security-token=t', 'x-obs-security-token=***'),
        ('X%2DAmz%2DSignature=abc', 'X%2DAmz%2DSignature=***'),
        ('secret_key=s&password=p&token=t', 'secret_key=***&password=***&'),
    ],
)
def test_what_is_good_for_getting_in_is_masked(query: str, shown: str) -> None:
    assert masked(query).startswith(shown)


def test_tokens_are_masked_in_what_is_signed() -> None:
    signed = SignedText(
        'GET\n/\na=1&X-Amz-Security-Token=secret\n'
        'host:h\nx-amz-security-token:secret\n',
        'GET\nx-obs-security-token:secret\n/b?x-obs-security-token=secret',
    )

    assert 'secret\n' not in str(signed.canonical_request)
    assert 'secret' not in signed.string_to_sign.replace('security-token', '')
    assert 'security-token:***' in signed.string_to_sign
    assert 'host:h' in str(signed.canonical_request)


@pytest.mark.parametrize(
    ('body', 'told'),
    [
        (
            b'{"error": {"code": "IMG.0027", "message": "Not there"}}',
            ('IMG.0027', 'Not there'),
        ),
        (
            b'{"error_code": "APIGW.0301", "error_msg": "Wrong"}',
            ('APIGW.0301', 'Wrong'),
        ),
        (b'{"error": {"code": 404, "message": "Gone"}}', (None, 'Gone')),
        (b'{"itemNotFound": {"code": 404, "message": "?"}}', (None, '?')),
        (
            b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code>'
            b'<Message>a &lt; b</Message></Error>',
            ('NoSuchKey', 'a < b'),
        ),
        (
            b'<html><head><title>404</title></head><body>None here</body>',
            (None, 'None here'),
        ),
        (b'', (None, None)),
        (b'[]', (None, None)),
        (b'\x00\xff{', (None, None)),
        (b'[' * 60000, (None, None)),
    ],
)
def test_refusals_of_all_services_are_read(
    body: bytes, told: tuple[str | None, str | None]
) -> None:
    assert refusal(body) == told


def test_a_line_is_for_people() -> None:
    record = RequestRecord(
        time=NOON,
        method='GET',
        path='/v2/cloudimages?limit=5',
        service='image',
        operation='Querying Images',
        user='alice',
        user_agent='openstacksdk',
        status=404,
        seconds=0.0123,
        error_code='IMG.0027',
        error='The image does not exist.',
    )

    assert line(record) == (
        '22:13:20 404    12 ms image    GET /v2/cloudimages?limit=5 '
        '(Querying Images) by alice with openstacksdk\n'
        '    IMG.0027 The image does not exist.'
    )


def test_a_terminal_only_shows_what_clients_send() -> None:
    record = RequestRecord(
        method='GET\x1b[2J',
        path='/\x1b]0;owned\x07',
        user_agent='a\nb',
        user='\x9b31m',
        error='c\rd',
        signed=SignedText('e\x1bf', 'g\x08h'),
        fault='i\x1bj',
    )

    assert all(each.isprintable() or each == '\n' for each in line(record))


def test_a_program_reads_an_object_a_line() -> None:
    stream = io.StringIO()
    record = RequestRecord(path='/a\nb', status=200)
    requests = log(record)
    requests.listeners.append(LogWriter(stream, as_json=True))
    requests.end(record)

    (text,) = stream.getvalue().splitlines()
    assert json.loads(text)['path'] == '/a\nb'


def test_a_request_that_nobody_records_can_be_noted_all_the_same() -> None:
    environ: dict[str, Any] = {}
    request_record.of(environ).user = 'alice'
    assert request_record.of(environ).user == 'alice'
