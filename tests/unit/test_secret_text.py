# SPDX-License-Identifier: Apache-2.0
"""Texts that are kept or shown hold nothing that is good for getting in."""

import json

import pytest

from ims_ext.exceptions import secret_text

#: In parts, for whoever looks for keys in files.
KEY = ' '.join(['PRIVATE', 'KEY'])
SECRET = 'hT7-planted.Sesame'
FERNET = 'gAAAAABmZ0x1' + 'aB3_' * 20


@pytest.mark.parametrize(
    'text',
    [
        f"password: {SECRET}",
        f"password={SECRET}, user=a",
        f'{{"auth": {{"password": "{SECRET}"}}}}',
        f"{{'adminPass': '{SECRET}'}}",
        f"Namespace(secret_key='{SECRET}', ak='x')",
        f"--os-password {SECRET} --os-cloud otc",
        f"OS_PASSWORD={SECRET} openstack",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"https://user:{SECRET}@mirror.example/a.img failed",
        f"https://b.example/a?X-Amz-Signature={SECRET}&X-Amz-Date=1",
        f"https://b.example/a?AWSAccessKeyId=a&Signature={SECRET}",
        f"https://b.example/a?x-obs-security-token={SECRET}",
        f"https://b.example/a?sv=1&sig={SECRET} gave 403",
        f"Authorization: SDK-HMAC-SHA256 Access=a, Signature={SECRET}",
        f"{{'Authorization': 'AWS4-HMAC-SHA256 Signature={SECRET}'}}",
        f"X-Auth-Token: {SECRET}",
        f"'X-Subject-Token': '{SECRET}'",
        f"X-Security-Token={SECRET}",
        f"Cookie: session={SECRET}; other={SECRET}",
        f"sent Bearer {SECRET} to it",
        f"Basic {SECRET}",
        f"security_token: {SECRET}",
        f"application_credential_secret: {SECRET}",
        f"-----BEGIN {KEY}-----\n{SECRET}\n-----END {KEY}-----",
        f"-----BEGIN RSA {KEY}-----\n{SECRET}",
    ],
)
def test_a_secret_is_told_by_what_is_around_it(text: str) -> None:
    shown = secret_text.masked(text)

    assert SECRET not in shown
    assert '***' in shown


@pytest.mark.parametrize(
    'token', [FERNET, 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'AKIA' * 5]
)
def test_a_token_is_told_by_its_looks(token: str) -> None:
    assert token not in secret_text.masked(f"answered {token} to it")


@pytest.mark.parametrize(
    'text',
    [
        "make ubuntu-24.04@20261120 de: image "
        "5f1f0e52-4c3a-4d0b-9f4e-0a1b2c3d4e5f, 622 MiB of 1.5 GiB",
        "sha256 " + '3c4a' * 16 + " of https://cloud.example/a.img?version=3",
        "IMG.0144: the request has no tokens left to ask for: passed",
        "the signature of SHA256SUMS is good",
        "fe80::1 at 12:30:00, key: value, tag: none -> platform",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert secret_text.masked(text) == text


def test_known_secrets_are_hidden_wherever_they_are() -> None:
    settings = {
        'clouds': {'otc': {'auth': {'password': SECRET, 'username': 'ann'}}},
        'OS_TOKEN': FERNET,
        'OS_PASSWORD': 'abc',
        'list': [{'sk': 'an-sk-of-a-user'}],
    }

    known = list(secret_text.secrets_in(settings))
    shown = secret_text.masked(f"ann was refused with {SECRET}", known)

    assert known == [SECRET, FERNET, 'an-sk-of-a-user']
    assert shown == "ann was refused with ***"


def test_values_keep_their_form() -> None:
    value = {
        'id': 'make:a@1:de',
        'seconds': 1.5,
        'left': None,
        'password': SECRET,
        'list': [f"token={SECRET}", 7, True],
        'headers': {'X-Auth-Token': SECRET, 'Accept': '*/*'},
        'error': ValueError(f"password={SECRET}"),
    }

    shown = secret_text.masked(value)

    assert SECRET not in json.dumps(shown)
    assert shown['seconds'] == 1.5
    assert shown['left'] is None
    assert shown['list'][1:] == [7, True]
    assert shown['headers'] == {'X-Auth-Token': '***', 'Accept': '*/*'}
