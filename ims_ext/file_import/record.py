# SPDX-License-Identifier: Apache-2.0
"""Records of imports that have not ended, in the user's state folder.

An import that is killed at any point goes on from its record. There is one
for each combination of project, file, name and bucket; it is written before
anything is sent whose answer may be lost, and removed when the import has
ended well. It holds no secret.
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import hashlib
import json
import logging
import os
from pathlib import Path
import time
from types import TracebackType
from typing import Any, Self

from ims_ext import exceptions
from ims_ext import extras
from ims_ext import local_file
from ims_ext.objectstore import checkpoint as _checkpoint

try:
    import fcntl
except ImportError:  # Not POSIX
    fcntl = None  # type: ignore[assignment]

#: Counted up where records of other versions cannot be gone on from.
_VERSION = 2

#: What reading a record raises where it is damaged.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)

_logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Record:
    """The record of an import: how far it has come.

    :ivar fingerprint: The file.
    :ivar judged: A digest of what the judgement of the file rests on.
    :ivar asked: What was asked for: a digest of each attribute's value.
    :ivar key: The object's key; empty where there is no bucket.
    :ivar upload: How far the upload to the bucket has come.
    :ivar asked_at: When the request that makes the image was about to be
        sent, by this machine's clock; ``None`` where it was not.
    :ivar job_id: The job that it has started.
    :ivar image_id: The image that it has made, where there is no job or
        where its ID is not known.
    :ivar is_sent: Whether the image service has acknowledged the data.
    """

    fingerprint: local_file.Fingerprint
    judged: str
    asked: dict[str, str]
    key: str
    upload: _checkpoint.Checkpoint
    asked_at: float | None = None
    job_id: str | None = None
    image_id: str | None = None
    is_sent: bool = False

    def is_of(self, file: local_file.LocalFile) -> bool:
        """Whether a file is as it was, and is judged by the same bytes.

        :param file: The file, looked into.
        """
        return (
            self.fingerprint.is_of_same(file.fingerprint)
            and self.judged == file.judged
        )

    def forget_request(self) -> None:
        """Note that the request is to be sent anew, or not at all."""
        self.asked_at = self.job_id = self.image_id = None
        self.is_sent = False

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` makes the record of."""
        found = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        found['fingerprint'] = dataclasses.asdict(self.fingerprint)
        found['upload'] = {
            name: value
            for name, value in vars(self.upload).items()
            if name != 'save'
        }
        return {'version': _VERSION, **found}

    @classmethod
    def from_json(cls, found: Any) -> Self:
        """Return a record that was written down.

        :raises: ``ValueError``, ``TypeError`` or ``KeyError`` for anything
            else.
        """
        if found.pop('version') != _VERSION:
            raise ValueError("it is of another version")
        fingerprint = local_file.Fingerprint(**found.pop('fingerprint'))
        checkpoint = _checkpoint.Checkpoint(**found.pop('upload'))
        record = cls(fingerprint=fingerprint, upload=checkpoint, **found)
        _check_types(fingerprint, int)
        _check_types(checkpoint, int | str | bool | None)
        if (
            not isinstance(checkpoint.part_size, int)
            or checkpoint.part_size < 1
        ):
            raise ValueError("a part has no size")
        if not isinstance(record.asked, dict) or not all(
            isinstance(each, str)
            for each in (*record.asked.values(), record.key, record.judged)
        ):
            raise TypeError("what was asked for is not text")
        if (
            not isinstance(record.asked_at, int | float | None)
            or not isinstance(record.job_id, str | None)
            or not isinstance(record.image_id, str | None)
            or not isinstance(record.is_sent, bool)
        ):
            raise TypeError("what was answered is not text")
        return record


def _check_types(found: Any, permitted: Any) -> None:
    values = {
        name: value for name, value in vars(found).items() if name != 'save'
    }
    for name, value in values.items():
        if not isinstance(value, permitted):
            raise TypeError(f"{name} is {value!r}")


def digests(attrs: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells attributes from others without saying them."""
    return {
        name: hashlib.sha256(
            json.dumps(value, sort_keys=True, default=str).encode()
        ).hexdigest()[:16]
        for name, value in attrs.items()
    }


def folder() -> Path:
    """Return the folder that the records are in.

    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without
        platformdirs.
    """
    try:
        import platformdirs
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        raise exceptions.MissingExtraError(
            'obs', "Resuming an import"
        ) from error
    return platformdirs.user_state_path('ims-ext', False) / 'imports'


class Slot:
    """The place for one import's record, this process's alone meanwhile.

    Use it in a ``with`` statement. Where the folder cannot be used, a warning
    says so, and nothing is kept.

    :param what: What the import is called in messages.
    :param identity: What tells the import from others.
    :raises: :class:`~ims_ext.exceptions.ImportBusyError` on entering, where
        another process is at the same import.
    """

    def __init__(self, what: str, identity: Mapping[str, Any]) -> None:
        self._what = what
        name = json.dumps(dict(identity), sort_keys=True)
        self._stem = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._folder = folder()
        self._path = self._folder / f'{self._stem}.json'
        self._lock: _Lock | None = None
        self._is_writable = True

    def __enter__(self) -> Self:
        try:
            if fcntl is None:
                raise OSError("this system has no file locks")
            _make_private(self._folder)
            self._lock = _Lock(self._folder / f'{self._stem}.lock')
        except BlockingIOError as error:
            raise exceptions.ImportBusyError(
                f"Another process{_words_of(error)} is importing "
                f"{self._what}: wait for it to end, or choose another name "
                f"for another image"
            ) from None
        except OSError as error:
            _logger.warning(
                "If this import is interrupted, it cannot go on from there: "
                "%s: %s",
                self._folder,
                error.strerror or error,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release()

    @property
    def is_kept(self) -> bool:
        """Whether there is anything that a record can be kept in."""
        return self._lock is not None and self._is_writable

    def load(self) -> Record | None:
        """Return the record of an earlier attempt.

        One that cannot be read is put aside, with a warning.
        """
        if self._lock is None:
            return None
        try:
            return _read(self._path)
        except FileNotFoundError:
            return None
        except _DAMAGE as error:
            self._put_aside(error)
            return None

    def save(self, record: Record) -> None:
        """Write the record down; a killed process leaves it whole.

        Where that fails, a warning says so, once.
        """
        if self._lock is None:
            return
        temporary = self._path.with_suffix('.tmp')
        try:
            temporary.unlink(missing_ok=True)
            descriptor = os.open(
                temporary,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                0o600,
            )
            with open(descriptor, 'w', encoding='utf-8') as file:
                json.dump(record.to_json(), file)
                file.flush()
                os.fsync(descriptor)
            temporary.replace(self._path)
            _sync_folder(self._folder)
            self._is_writable = True
        except OSError as error:
            if self._is_writable:
                _logger.warning(
                    "If this import is interrupted, it may not go on from "
                    "there: %s: %s",
                    self._path,
                    error.strerror or error,
                )
            self._is_writable = False

    def remove(self) -> None:
        """Remove the record: there is nothing to go on with."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.with_suffix('.tmp').unlink(missing_ok=True)

    def others(self) -> Iterator[Record]:
        """Yield the records of other imports."""
        if self._lock is None:
            return
        for path in self._folder.glob('*.json'):
            if path != self._path:
                with contextlib.suppress(*_DAMAGE):
                    yield _read(path)

    def _put_aside(self, error: Exception) -> None:
        aside = self._path.with_suffix('.unreadable')
        _logger.warning(
            "The record of an earlier attempt to import %s cannot be read "
            "(%s); it is put aside as %s, and the import begins anew. The "
            "earlier attempt may have left an unfinished upload, or an image",
            self._what,
            error,
            aside,
        )
        with contextlib.suppress(OSError):
            self._path.replace(aside)


class _Lock:
    """A file that is locked, and gone when the lock is released.

    :param path: The file.
    :raises: ``BlockingIOError`` where another process has it; its second
        argument is the process's ID, as far as known.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        while True:
            self._descriptor = os.open(
                path,
                os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
                0o600,
            )
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_current():
                    os.ftruncate(self._descriptor, 0)
                    os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
                    return
            except BlockingIOError as error:
                owner = os.pread(self._descriptor, 20, 0).decode('latin-1')
                os.close(self._descriptor)
                raise BlockingIOError(error.errno, owner) from None
            except BaseException:
                os.close(self._descriptor)
                raise
            # The last owner has removed it meanwhile.
            os.close(self._descriptor)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(
                os.fstat(self._descriptor), os.stat(self._path)
            )
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let others have it."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        # Processes that were forked meanwhile have it open as well.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


@contextlib.contextmanager
def exclusively(
    identity: Mapping[str, Any], patience: float
) -> Iterator[None]:
    """Keep other processes of this user from doing the same meanwhile.

    :param identity: What is being done.
    :param patience: Seconds to wait for another process at most; after that,
        or where files cannot be locked, it is done all the same.
    """
    name = json.dumps(dict(identity), sort_keys=True)
    stem = hashlib.sha256(name.encode()).hexdigest()[:32]
    deadline = time.monotonic() + patience
    lock = None
    while fcntl is not None and lock is None:
        try:
            _make_private(folder())
            lock = _Lock(folder() / f'{stem}.lock')
        except BlockingIOError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        except OSError:
            break
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _read(path: Path) -> Record:
    """Return the record in a file.

    :raises: one of ``_DAMAGE`` where there is none.
    """
    return Record.from_json(json.loads(path.read_text('utf-8')))


def _words_of(error: BlockingIOError) -> str:
    owner = str(error.strerror or '')
    return f" (process {owner})" if owner.isdigit() else ""


def _make_private(path: Path) -> None:
    """Make a folder that nobody else can look into."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.geteuid():
        # Who owns it can put anything there, links to other files too.
        raise PermissionError("the folder belongs to another user")
    if found.st_mode & 0o077:
        path.chmod(0o700)


def _sync_folder(path: Path) -> None:
    """Have a renamed file survive a power cut too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
