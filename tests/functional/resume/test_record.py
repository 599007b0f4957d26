# SPDX-License-Identifier: Apache-2.0
"""The records of imports: private, damaged, impossible to write."""

from collections.abc import Callable
import errno
import json
import logging
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from openstack import connection
import pytest

from ims_ext import exceptions
from ims_ext.file_import import record as import_record
from ims_ext.objectstore import access

from ..imports import check_image
from ..imports import objects_there
from .interruption import interrupt
from .interruption import interrupted
from .interruption import records

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_the_record_is_private_and_holds_no_secret(
    conn: connection.Connection,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issued: list[dict[str, str]] = []
    issue_key = access._issue_key

    def issue(*args: Any) -> dict[str, str]:
        issued.append(issue_key(*args))
        return issued[-1]

    monkeypatch.setattr(access, '_issue_key', issue)
    interrupted(run, description='Something confidential')

    folder = import_record.folder()
    [record] = records()
    text = record.read_text('utf-8')
    assert folder.stat().st_mode & 0o777 == 0o700
    assert record.stat().st_mode & 0o777 == 0o600
    secrets = [
        conn.config.config['auth']['password'],
        conn.session.get_token(),
        *(issued[0][part] for part in ('access_key', 'secret_key', 'token')),
        'confidential',
    ]
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize(
    'damage',
    [
        '',
        '{',
        '[1]',
        '{"version": 1}',
        '{"version": 2}',
        '\ud800',
        '[' * 100_000,
    ],
)
def test_a_damaged_record_is_put_aside_with_a_warning(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    interrupted(run)
    [record] = records()
    record.write_bytes(damage.encode('utf-8', 'surrogatepass'))

    run()

    assert 'put aside' in caplog.text
    assert [path.suffix for path in records()] == ['.unreadable']
    check_image(conn, file, name)


def test_any_field_of_the_wrong_type_counts_as_damage(
    run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(run)
    [record] = records()
    good = json.loads(record.read_text('utf-8'))
    for field in good:
        with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
            import_record.Record.from_json({**good, field: [1]})


def test_a_state_folder_that_cannot_be_used_is_told_and_no_obstacle(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / 'state').write_text('not a folder', 'utf-8')

    with caplog.at_level(logging.WARNING):
        run()

    assert 'cannot go on' in caplog.text
    check_image(conn, file, name)


def test_without_a_record_an_interrupted_upload_leaves_nothing(
    client: 'S3Client', run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / 'state').write_text('not a folder', 'utf-8')

    with pytest.raises(KeyboardInterrupt) as caught:
        run(progress=interrupt)

    assert not hasattr(caught.value, '__notes__')
    assert objects_there(client) == []


def test_a_record_that_cannot_be_written_is_not_counted_on(
    client: 'S3Client',
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', fail)

    with pytest.raises(KeyboardInterrupt) as caught:
        run(progress=interrupt)

    assert caplog.text.count('may not go on') == 1
    assert not hasattr(caught.value, '__notes__')
    assert objects_there(client) == []


def test_a_lock_that_cannot_be_written_is_not_held(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, 'pwrite', fail)
        with import_record.Slot("this", {'file': 'a'}) as slot:
            assert not slot.is_kept
    with import_record.Slot("this", {'file': 'a'}) as slot:
        assert slot.is_kept

    assert 'cannot go on' in caplog.text


def test_the_folder_of_another_user_is_not_written_to(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uid = os.geteuid()
    monkeypatch.setattr(os, 'geteuid', lambda: uid + 1)

    with import_record.Slot("this", {'file': 'a'}) as slot:
        assert not slot.is_kept

    assert 'another user' in caplog.text
    assert records() == []


def test_a_lock_that_is_a_link_leaves_what_it_leads_to_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / 'other'
    other.write_text('precious', 'utf-8')
    with import_record.Slot("this", {'file': 'a'}):
        [lock] = records()
    lock.symlink_to(other)

    with import_record.Slot("this", {'file': 'a'}) as slot:
        assert not slot.is_kept

    assert other.read_text('utf-8') == 'precious'


def test_without_platformdirs_the_extra_is_named(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'platformdirs', None)

    with pytest.raises(exceptions.MissingExtraError, match=r'ims-ext\[obs\]'):
        run()
