# SPDX-License-Identifier: Apache-2.0
"""Ways to interrupt an import, and what is left to be seen of it."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
import pytest

from ims_ext.file_import import record as import_record
from ims_ext.objectstore import access

from ..imports import PART_SIZE

if TYPE_CHECKING:
    pass


def records() -> list[Path]:
    """Return the files in the state folder."""
    folder = import_record.folder()
    return sorted(folder.iterdir()) if folder.exists() else []


def interrupt(done: int, total: int) -> None:
    """Press Ctrl-C when most parts have been sent."""
    if done > total - PART_SIZE:
        raise KeyboardInterrupt


def interrupt_wait(job: Any) -> None:
    """Press Ctrl-C while the job runs."""
    raise KeyboardInterrupt


def interrupted(run: Callable[..., Any], **options: Any) -> str:
    """Run an import that is interrupted; return the notes."""
    options.setdefault('progress', interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(**options)
    return '\n'.join(caught.value.__notes__)


def counted(client_calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the names of what is asked of the buckets noted."""
    make_client = access.make_client

    def make(*args: Any) -> Any:
        made = make_client(*args)
        made.meta.events.register(
            'before-call.s3',
            lambda model, **_: client_calls.append(model.name),
        )
        return made

    monkeypatch.setattr(access, 'make_client', make)


class Refusal:
    """What a store that does not know or permit something answers."""

    def __init__(self, code: str) -> None:
        self._code = code

    def stream(self) -> Iterator[bytes]:
        """Give the answer's body."""
        yield f'<Error><Code>{self._code}</Code></Error>'.encode()


def refused(
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    *operations: str,
    after: int = 0,
) -> None:
    """Have operations of the buckets refused, after some that are not."""
    make_client = access.make_client
    asked = 0

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        nonlocal asked
        asked += 1
        if asked <= after:
            return None
        return AWSResponse(request.url, status, {}, Refusal(code))

    def make(*args: Any) -> Any:
        made = make_client(*args)
        for operation in operations:
            made.meta.events.register(f'before-send.s3.{operation}', refuse)
        return made

    monkeypatch.setattr(access, 'make_client', make)


def change_record(**changes: Any) -> None:
    """Have the one record say something else."""
    [path] = records()
    record = json.loads(path.read_text('utf-8'))
    for name, value in changes.items():
        if isinstance(value, dict):
            record[name] |= value
        else:
            record[name] = value
    path.write_text(json.dumps(record), 'utf-8')
