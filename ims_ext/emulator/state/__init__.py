# SPDX-License-Identifier: Apache-2.0
"""The records of an emulator: SQLite, and files for the images' data.

A :class:`State` has one repository a kind of record::

    state.images.get(image_id)            -> Image | None
    state.images.visible(image_id, project_id)
    state.images.select(ImageQuery(...))  -> list[Image]
    state.images.add(Image.new(owner=..., name=..., attributes={...}))
    state.images.save(image)              # sets updated_at
    state.images.delete(image_id)         # row, tags, members and data
    state.members.list(image_id), .get, .add, .save, .delete
    state.jobs.add(job), .get(job_id), .save(job), .unfinished()
    state.servers.all(project_id), .get(id, project_id), .add, .save
    state.volumes, .backups               # likewise, and .of_server(id)
    state.keys, .vaults                   # likewise
    state.access_keys.get(access)         -> AccessKey | None
    state.projects, .users, .domains, .tokens, .application_credentials,
    .agencies, .grants

Records are plain dataclasses: change one and ``save`` it. Reading and
writing that belong together go into one block, which other threads wait
for, and of which nothing is kept when it raises::

    with state.transaction():
        image = state.images.get(image_id)
        ...
        state.images.save(image)

Everything is kept under one directory: ``state.sqlite`` and
``images/<image id>``. Committed changes survive the death of the process.
"""

import contextlib
import fcntl
import os
from pathlib import Path
import shutil
import sqlite3
import tempfile
from typing import IO
import uuid

from ims_ext.emulator import private_files
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.private_files import StateError
from ims_ext.emulator.state.access_key import AccessKey
from ims_ext.emulator.state.access_key import AccessKeys
from ims_ext.emulator.state.agency import Agencies
from ims_ext.emulator.state.agency import Agency
from ims_ext.emulator.state.agency import Grant
from ims_ext.emulator.state.agency import Grants
from ims_ext.emulator.state.application_credential import ApplicationCredential
from ims_ext.emulator.state.application_credential import (
    ApplicationCredentials,
)
from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.effect import Effect
from ims_ext.emulator.state.effect import Effects
from ims_ext.emulator.state.glance import Metadef
from ims_ext.emulator.state.glance import Metadefs
from ims_ext.emulator.state.glance import Task
from ims_ext.emulator.state.glance import Tasks
from ims_ext.emulator.state.identity import Domain
from ims_ext.emulator.state.identity import Domains
from ims_ext.emulator.state.identity import Project
from ims_ext.emulator.state.identity import Projects
from ims_ext.emulator.state.identity import Token
from ims_ext.emulator.state.identity import Tokens
from ims_ext.emulator.state.identity import User
from ims_ext.emulator.state.identity import Users
from ims_ext.emulator.state.ids import Ids
from ims_ext.emulator.state.ids import Seed
from ims_ext.emulator.state.image import Image
from ims_ext.emulator.state.image import Images
from ims_ext.emulator.state.image_search import Condition
from ims_ext.emulator.state.image_search import ImageQuery
from ims_ext.emulator.state.job import Job
from ims_ext.emulator.state.job import Jobs
from ims_ext.emulator.state.key import Key
from ims_ext.emulator.state.key import Keys
from ims_ext.emulator.state.member import Member
from ims_ext.emulator.state.member import Members
from ims_ext.emulator.state.note import Notes
from ims_ext.emulator.state.server import SCHEMA as SERVER_SCHEMA
from ims_ext.emulator.state.server import Backup
from ims_ext.emulator.state.server import Backups
from ims_ext.emulator.state.server import Server
from ims_ext.emulator.state.server import Servers
from ims_ext.emulator.state.server import Volume
from ims_ext.emulator.state.server import Volumes
from ims_ext.emulator.state.vault import Vault
from ims_ext.emulator.state.vault import Vaults

__all__ = [
    'AccessKey',
    'Agency',
    'ApplicationCredential',
    'Backup',
    'Condition',
    'Domain',
    'Effect',
    'Grant',
    'Ids',
    'Image',
    'ImageQuery',
    'Job',
    'Key',
    'Member',
    'Metadef',
    'Project',
    'Seed',
    'Server',
    'State',
    'StateError',
    'Task',
    'Token',
    'User',
    'Vault',
    'Volume',
]

#: Raised when tables change; a state of another version is refused.
SCHEMA_VERSION = 6

_SCHEMA = (
    Domains.SCHEMA
    + Projects.SCHEMA
    + Users.SCHEMA
    + Tokens.SCHEMA
    + AccessKeys.SCHEMA
    + ApplicationCredentials.SCHEMA
    + Agencies.SCHEMA
    + Grants.SCHEMA
    + Images.SCHEMA
    + Members.SCHEMA
    + Effects.SCHEMA
    + Jobs.SCHEMA
    + Keys.SCHEMA
    + SERVER_SCHEMA
    + Vaults.SCHEMA
)


class State:
    """All records, and the directory that they live in.

    :param directory: Where to keep everything; made where it does not
        exist, and readable by its owner only from then on. ``None`` for a
        temporary directory that :meth:`close` removes.
    :param clock: Gives the time, and goes on as far ahead of the machine's
        as it was when the directory was used last; a new one where not
        given.
    :param seed: What IDs, keys and tokens follow from; see :class:`Ids`.
    :raises: :class:`StateError` for a directory that cannot be used.
    """

    def __init__(
        self,
        directory: Path | None = None,
        clock: Clock | None = None,
        seed: Seed | None = None,
    ) -> None:
        self.clock = clock = clock or Clock()
        self._temporary = directory is None
        self.directory = directory or Path(
            tempfile.mkdtemp(prefix='ims-emulator-')
        )
        self._image_directory = self.directory / 'images'
        database = self.directory / 'state.sqlite'
        try:
            self._check_ours(database)
            private_files.make_directory(self.directory)
            with contextlib.ExitStack() as stack:
                self._lock = stack.enter_context(self._take_lock())
                private_files.make_database(database)
                private_files.make_directory(self._image_directory)
                private_files.take_files(self._image_directory)
                self.database = Database(database, not self._temporary)
                self._prepare()
                self._keep_time()
                stack.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"The state directory {self.directory} cannot be used: {error}"
            ) from error
        for statement in Tasks.SCHEMA + Metadefs.SCHEMA:
            self.database.execute(statement)
        self.ids = Ids(self.database, seed)
        self.notes = Notes(self.database)
        self.domains = Domains(self.database, clock, self.ids)
        self.projects = Projects(self.database, clock, self.ids)
        self.users = Users(self.database, clock, self.ids)
        self.tokens = Tokens(self.database, clock, self.ids)
        self.access_keys = AccessKeys(self.database, clock, self.ids)
        self.application_credentials = ApplicationCredentials(
            self.database, clock, self.ids
        )
        self.agencies = Agencies(self.database, clock, self.ids)
        self.grants = Grants(self.database, clock, self.ids)
        self.images = Images(self.database, clock, self.ids, self.image_file)
        self.members = Members(self.database, clock, self.ids)
        self.effects = Effects(self.database, clock, self.ids)
        self.tasks = Tasks(self.database, clock, self.ids)
        self.metadefs = Metadefs(self.database, clock, self.ids)
        self.jobs = Jobs(self.database, clock, self.ids)
        self.keys = Keys(self.database, clock, self.ids)
        self.servers = Servers(self.database, clock, self.ids)
        self.volumes = Volumes(self.database, clock, self.ids)
        self.vaults = Vaults(self.database, clock, self.ids)
        self.backups = Backups(self.database, clock, self.ids)

    def _check_ours(self, database: Path) -> None:
        """Refuse a directory that is used for something else.

        Files are deleted in it that no image and no object has.
        """
        if os.path.lexists(database) or not self.directory.is_dir():
            return
        others = sorted(set(os.listdir(self.directory)) - {'lock'})
        if others:
            raise StateError(
                f"The state directory {self.directory} has no state in it, "
                f"but {others[0]}; name an empty one"
            )

    def _take_lock(self) -> IO[bytes]:
        """Keep others out of the directory for as long as the file is open."""
        path = self.directory / 'lock'
        private_files.make_file(path)
        lock = open(path, 'ab', opener=private_files.opener)  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise StateError(
                f"The state directory {self.directory} is in use by another "
                f"emulator"
            ) from error
        return lock

    def _prepare(self) -> None:
        version = self.database.execute('PRAGMA user_version')[0][0]
        if version == SCHEMA_VERSION:
            return
        if version:
            raise StateError(
                f"The state directory {self.directory} was written by "
                f"another version of the emulator (its format is {version}, "
                f"this one's is {SCHEMA_VERSION})"
            )
        with self.database.transaction():
            for statement in _SCHEMA:
                self.database.execute(statement)
            self.database.execute(f'PRAGMA user_version = {SCHEMA_VERSION}')

    def _keep_time(self) -> None:
        """Go on as far ahead of the machine's clock as before."""
        self.database.execute(
            'CREATE TABLE IF NOT EXISTS clock (advanced REAL NOT NULL)'
        )
        rows = self.database.execute('SELECT advanced FROM clock')
        self.clock.set_advanced(rows[0][0] if rows else 0.0)
        self._end_keeping_time = self.clock.on_change(self._save_time)

    def _save_time(self) -> None:
        with self.transaction():
            self.database.execute('DELETE FROM clock')
            self.database.execute(
                'INSERT INTO clock VALUES (?)', (self.clock.advanced,)
            )

    def _empty(self) -> None:
        """Delete what belongs to the state, and nothing else."""
        for name in ('', '-wal', '-shm'):
            path = self.directory / f'state.sqlite{name}'
            path.unlink(missing_ok=True)
        for name in ('images', 'objects'):
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """Run a block alone, and keep all of its changes or none."""
        return self.database.transaction()

    def image_file(self, image_id: str) -> Path:
        """Return where an image's data is kept, whether or not there is any.

        :param image_id: The image's ID.
        :raises: :class:`ValueError` for anything that is no UUID: names
            from requests never become paths.
        """
        return self._image_directory / str(uuid.UUID(image_id))

    def close(self, forget: bool = False) -> None:
        """Close the database; a temporary state is gone afterwards.

        :param forget: Whether one that is kept is emptied.
        """
        self._end_keeping_time()
        self.database.close()
        if forget and not self._temporary:
            self._empty()
        self._lock.close()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)
