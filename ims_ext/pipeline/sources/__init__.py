# SPDX-License-Identifier: Apache-2.0
"""Sources of images: fetched, proven, unpacked, judged and converted, once."""

from collections.abc import Callable, Collection, Hashable
import dataclasses
from pathlib import Path
import threading
import weakref

from ims_ext.closing import Closing
from ims_ext.pipeline import home
from ims_ext.pipeline import looking
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.events import Tell
from ims_ext.pipeline.events import silent
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning.fleet import declared
from ims_ext.pipeline.sources import fetching
from ims_ext.pipeline.sources import judging
from ims_ext.pipeline.sources import knowing
from ims_ext.pipeline.sources import lock as _lock
from ims_ext.pipeline.sources import signatures
from ims_ext.pipeline.sources import space as _space
from ims_ext.pipeline.sources import web
from ims_ext.pipeline.sources.errors import PlaceError as PlaceError
from ims_ext.pipeline.sources.errors import ProofError as ProofError
from ims_ext.pipeline.sources.errors import SourceError as SourceError
from ims_ext.pipeline.sources.errors import SpaceError as SpaceError
from ims_ext.pipeline.sources.places import Places
from ims_ext.pipeline.sources.proofs import Proofs
from ims_ext.pipeline.sources.space import Workspace
from ims_ext.pipeline.steps.work import Stored


class Disk:
    """A disk image's file, which stays until it is released.

    :ivar path: The file.
    :ivar disk_format: Its format.
    :ivar size: Its bytes.
    :ivar virtual_size: The size of the disk in it, in bytes.
    :ivar digest: What identifies the source that it was made of, as a tag's
        value: the SHA-256 of the bytes that were fetched, or what stands for
        the SHA-512 where the manifest has just that.
    :ivar stored: The object that has it already: none.
    """

    stored: Stored | None = None

    def __init__(
        self, entry: '_Entry', made: fetching.Prepared, virtual_size: int
    ) -> None:
        self.path = made.path
        self.disk_format = made.content.disk_format
        self.size = made.content.size
        self.virtual_size = virtual_size
        self.digest = made.digest
        self._released = weakref.finalize(self, entry.drop)

    @property
    def is_released(self) -> bool:
        """Whether the file may be gone."""
        return not self._released.alive

    def release(self) -> None:
        """Say that the file is not needed any more."""
        self._released()


class Sources(Closing):
    """The sources of a manifest's images.

    Use it in a ``with`` statement: all temporary files are removed at its
    end.

    :param manifest: The manifest.
    :param clouds: The connections.
    :param folder: Where temporary files are put, in a folder of their own;
        by default below :func:`.home.folder`.
    :param space: Bytes that they have at most; by default what the disk has,
        less a reserve.
    :param tell: Takes the events.
    :param patience: How long web servers are waited for.
    :param is_locked: Whether the lock beside the manifest counts, if there
        is one.
    :ivar manifest: The manifest.
    :ivar lock: The lock, if there is one that counts.
    :raises: :class:`~ims_ext.pipeline.ManifestError` for a lock that is
        none.
    """

    def __init__(
        self,
        manifest: Manifest,
        clouds: Clouds,
        *,
        folder: Path | None = None,
        space: int | None = None,
        tell: Tell | None = None,
        patience: web.Patience | None = None,
        is_locked: bool = True,
    ) -> None:
        self.manifest = manifest
        self.lock = _lock.Lock.load(manifest) if is_locked else None
        self._folder = folder
        self._space = space
        self._tell: Tell = tell or silent
        self._stopped = threading.Event()
        self._web = web.Web(patience, self._stopped)
        self._places = Places(manifest, clouds, self._web, fetching.LARGEST)
        self._proofs = Proofs(self._places, self._verifier)
        self._guard = threading.RLock()
        self._made_workspace: Workspace | None = None
        self._entries: dict[Hashable, _Entry] = {}

    def close(self) -> None:
        """End downloads, and remove all temporary files."""
        self._stopped.set()
        self._web.close()
        with self._guard:
            workspace, self._made_workspace = self._made_workspace, None
            self._entries.clear()
        if workspace is not None:
            workspace.close()

    def clear(self) -> None:
        """Remove the temporary files that killed runs have left here."""
        _space.remove_leftovers(self._parent)

    def look_up(self, *, is_brief: bool = False) -> looking.Upstream:
        """Return what is known of all sources before any is fetched.

        That are the versions that ``versions_from`` finds, what checksums
        and lists say, and how large files are. Nothing raises here: what
        cannot be used is told with its version, or with its image.

        :param is_brief: Whether files of the web whose checksum the manifest
            has are not asked for; see :meth:`more`.
        """
        return self._held_to_lock(self._known.look_up(is_brief=is_brief))

    def more(
        self, known: looking.Upstream, which: Collection[tuple[str, str]]
    ) -> looking.Upstream:
        """Return more of sources that a brief look has left out.

        :param known: What :meth:`look_up` has said.
        :param which: Images and versions that something is to be made of.
        """
        return self._held_to_lock(self._known.more(known, which))

    @property
    def _known(self) -> knowing.Known:
        folder = self._folder or home.folder()
        digests = knowing.Digests(folder / 'digests.json')
        return knowing.Known(
            self.manifest, self._places, self._proofs, digests
        )

    def is_here(self, image: model.Image, version: model.Version) -> bool:
        """Whether a version's disk image is here, or about to be."""
        return self._entry_of(image, version).is_wanted

    def disk(self, image: model.Image, version: model.Version) -> Disk:
        """Return a version's disk image: fetched, proven and converted.

        Whoever asks first has it fetched, and others wait for that. The file
        stays until all that have asked have released it, and as long after
        that as its room is not needed.

        :param image: The image.
        :param version: The version.
        :raises: :class:`.errors.SourceError` where it cannot be had, is not
            what it has to be, or does not fulfil the manifest's checks.
        """
        entry = self._entry_of(image, version)
        fetcher = fetching.Fetcher(
            self._places, self._proofs, self._workspace, self._tell
        )
        made = entry.hold(lambda: fetcher.prepare(image, version))
        try:
            if self.lock is not None:
                problem = self.lock.problem(
                    image.name, version.name, made.digest
                )
                if problem is not None:
                    raise ProofError(problem)
            # Images of one source may have different checks.
            judging.check(image, made.source)
            size = judging.virtual_size(image, made.content)
        except BaseException:
            entry.drop()
            raise
        return Disk(entry, made, size)

    def fetched(self, found: looking.Upstream) -> looking.Upstream:
        """Return what is known once all has been fetched that has to be.

        :param found: What :meth:`look_up` has said.
        :raises: :class:`.errors.SourceError` where one cannot be had.
        """
        versions = declared(self.manifest, found.found)
        known = dict(found.sources)
        for (name, which), told in found.sources.items():
            version = versions[name][which]
            if (
                told.digest is None
                and told.problem is None
                and isinstance(version.sources[0], model.BYTES)
            ):
                disk = self.disk(self.manifest.images[name], version)
                known[name, which] = dataclasses.replace(
                    told, digest=disk.digest
                )
                disk.release()
        return dataclasses.replace(found, sources=known)

    def _entry_of(
        self, image: model.Image, version: model.Version
    ) -> '_Entry':
        """Return what is shared by all that are made of one source."""
        workspace = self._workspace
        key = (
            *(version.sources, version.checksum, version.checksums),
            *(version.signature, image.convert),
        )
        with self._guard:
            return self._entries.setdefault(key, _Entry(workspace))

    def _held_to_lock(self, found: looking.Upstream) -> looking.Upstream:
        """Refuse sources that are others than the lock says."""
        if self.lock is None:
            return found
        sources = {}
        for which, known in found.sources.items():
            problem = self.lock.problem(*which, known.digest)
            sources[which] = (
                known
                if problem is None
                else dataclasses.replace(known, problem=problem)
            )
        return dataclasses.replace(found, sources=sources)

    @property
    def _workspace(self) -> Workspace:
        with self._guard:
            if self._stopped.is_set():
                raise SourceError("the sources have been closed")
            if self._made_workspace is None:
                made = Workspace(self._parent, self._space)
                made.make_room = self._make_room
                made.others = self._others
                self._made_workspace = made
            return self._made_workspace

    @property
    def _parent(self) -> Path:
        """The folder that the temporary files' folders are made in."""
        return self._folder or home.folder() / 'disks'

    def _verifier(self, keyring: Path) -> signatures.Verifier:
        return signatures.Verifier(keyring, self._workspace.folder)

    # ====== ROOM ======

    def _make_room(self) -> bool:
        """Remove a disk image that nobody uses; say whether there was one."""
        with self._guard:
            entries = list(self._entries.values())
        return any(each.remove_unused() for each in entries)

    def _others(self) -> int:
        """Return how many may yet free room, beside who asks."""
        with self._guard:
            entries = list(self._entries.values())
        return sum(each.is_busy for each in entries) - 1


class _Entry:
    """A disk image that is prepared once, and counted.

    :param workspace: Where it is.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._making = threading.Lock()
        self._guard = threading.RLock()
        self._made: fetching.Prepared | None = None
        self._users = 0
        self._attempts = 0
        self._failure = ''

    @property
    def is_busy(self) -> bool:
        """Whether it is being made, or used."""
        return self._users > 0 or self._making.locked()

    @property
    def is_wanted(self) -> bool:
        """Whether it is made, or being made."""
        return self._made is not None or self._making.locked()

    def hold(
        self, prepare: Callable[[], fetching.Prepared]
    ) -> fetching.Prepared:
        """Return the disk image, which stays until it is dropped.

        :param prepare: Prepares it where it is not there.
        """
        seen = self._attempts
        with self._making:
            with self._guard:
                if self._made is not None:
                    self._users += 1
                    return self._made
                if self._attempts != seen:
                    # Who has waited for an attempt shares what it came to.
                    raise SourceError(self._failure)
            try:
                made = prepare()
            except SourceError as error:
                self._failure = str(error)
                self._attempts += 1
                raise
            with self._guard:
                self._made = made
                self._users += 1
            return made

    def drop(self) -> None:
        """Say that one of those that hold it does not any more."""
        with self._guard:
            self._users -= 1
        self._workspace.wake()

    def remove_unused(self) -> bool:
        """Remove the file, unless somebody holds it; say whether it was."""
        with self._guard:
            made = self._made
            if made is None or self._users > 0:
                return False
            self._made = None
        made.path.unlink(missing_ok=True)
        self._workspace.give(made.stored)
        return True
