# SPDX-License-Identifier: Apache-2.0
"""What the catalogue of error codes says."""

import re

import pytest

from ims_ext.exceptions import catalogue

# The image service's codes of all three references together.
DOCUMENTED = [*range(1, 199), 212, 238, 239, 241, 242, 1075]


def test_every_documented_code_is_there_and_no_other() -> None:
    found = [code for code in catalogue if code.startswith('IMG.')]
    assert sorted(found) == [f'IMG.{number:04}' for number in DOCUMENTED]


@pytest.mark.parametrize('code', catalogue)
def test_an_entry_is_complete(code: str) -> None:
    entry = catalogue[code]
    assert entry.code == code
    assert re.fullmatch(r'(IMG|APIGW)\.\d{4}', code)
    assert re.fullmatch(r'[A-Z][^\n]*\.', entry.meaning)
    assert re.fullmatch(r'[A-Z][^\n]*\.', entry.advice)
    assert 400 <= entry.status < 500


@pytest.mark.parametrize(
    ('code', 'status', 'meaning', 'advice'),
    [
        ('IMG.0015', 400, "no more private images", "quota"),
        ('IMG.0026', 403, "roles do not permit", "role granted"),
        ('IMG.0056', 400, "operating system version", "letter for letter"),
        ('IMG.0057', 400, "empty, of an unknown format", "object"),
        ('IMG.0059', 400, "too large", "quick import"),
        ('IMG.0076', 400, "project that owns it", "own project"),
        ('IMG.1075', 400, "registered", "supported format"),
        ('APIGW.0301', 401, "authenticate", "access key"),
    ],
)
def test_a_code_says_what_happened_and_what_to_do(
    code: str, status: int, meaning: str, advice: str
) -> None:
    entry = catalogue[code]
    assert entry.status == status
    assert meaning in entry.meaning
    assert advice in entry.advice


@pytest.mark.parametrize('code', ['IMG.9999', 'IMG.1', '', 'img.0015'])
def test_an_unknown_code_is_a_key_error(code: str) -> None:
    with pytest.raises(KeyError):
        catalogue[code]
