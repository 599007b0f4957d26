# SPDX-License-Identifier: Apache-2.0
"""Promotion and rollback: another version under an image's ``promoted``.

The manifest's file is changed and nothing else; an apply moves the channels
that are at the promoted version.
"""

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import difflib
import os
from pathlib import Path

import ims_ext
from ims_ext import exceptions
from ims_ext.document import editing
from ims_ext.document import reading
from ims_ext.pipeline import home
from ims_ext.pipeline.clouds import Connect
from ims_ext.pipeline.journal import Journal
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import ManifestError
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import Plan
from ims_ext.pipeline.planning import fleet
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.run import Run
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.sources.lock import Lock


@dataclasses.dataclass(frozen=True)
class Promotion:
    """A manifest's file with another promoted version, not written yet.

    :ivar manifest: The manifest as it will be.
    :ivar image: The image's name.
    :ivar before: The version that is promoted now, if any is.
    :ivar version: The version that will be.
    :ivar reason: Why this one, for people.
    :ivar plan: What an apply for the image would do then: its channels'
        moves, or what they wait for.
    :ivar old: The file's content.
    :ivar new: The file's content with the change.
    """

    manifest: Manifest
    image: str
    before: str | None
    version: str
    reason: str
    plan: Plan
    old: bytes
    new: bytes

    @property
    def is_change(self) -> bool:
        """Whether the file would be another one."""
        return self.old != self.new

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that follow the promoted version."""
        return _followers(self.manifest.images[self.image])

    def diff(self) -> Iterator[str]:
        """Give the lines of the change, as ``diff -u`` shows it."""
        name = str(self.manifest.path)
        yield from difflib.unified_diff(
            _lines(self.old), _lines(self.new), name, name, lineterm=''
        )

    def write(self) -> None:
        """Replace the manifest's file.

        :raises: :class:`~ims_ext.document.editing.EditError` where somebody
            has changed it meanwhile; :class:`OSError`
        """
        if self.is_change:
            editing.replace_file(self.manifest.path, self.old, self.new)


def promote(
    path: str | os.PathLike[str],
    image: str,
    version: str,
    variables: Mapping[str, str] | None = None,
    *,
    connect: Connect = ims_ext.connect,
) -> Promotion:
    """Return a manifest in which a version of an image is promoted.

    The clouds are looked at; only reading requests are sent.

    :param path: The manifest's file.
    :param image: The image's name.
    :param version: The version: one that the manifest names, that is found
        upstream or in a cloud, or that the lock has.
    :param variables: Values of the manifest's variables; those of the
        environment by default.
    :param connect: Makes connections.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where there is no
        such image or version;
        :class:`~ims_ext.pipeline.manifest.ManifestError`
    """
    change = _Change(Path(path), image, variables)
    changed = change.manifest_with(version)
    with Run(changed, connect=connect, images=[image]) as run:
        seen = run.look()
        change.check_known(changed, seen, version)
        return change.promotion(version, "it was asked for", run.plan(seen))


def rollback(
    path: str | os.PathLike[str],
    image: str,
    version: str | None = None,
    variables: Mapping[str, str] | None = None,
    *,
    connect: Connect = ims_ext.connect,
) -> Promotion:
    """Return a manifest in which an older version is promoted again.

    The clouds are looked at; only reading requests are sent.

    :param path: The manifest's file.
    :param image: The image's name.
    :param version: The version, as for :func:`promote`. By default the one
        that the channels are still at, or were at before, by the journal of
        this machine; else the newest older one that is at all targets.
    :param variables: As for :func:`promote`.
    :param connect: Makes connections.
    :raises: As :func:`promote`.
    """
    if version is not None:
        return promote(path, image, version, variables, connect=connect)
    change = _Change(Path(path), image, variables)
    with Run(change.manifest, connect=connect, images=[image]) as run:
        seen = run.look()
    version, reason = change.version_before(seen)
    changed = change.manifest_with(version)
    with Run(changed, connect=connect, images=[image]) as run:
        return change.promotion(version, reason, run.plan(seen))


class _Change:
    """A manifest's file, and an image in it whose promotion changes.

    :ivar manifest: The manifest as it is.
    """

    def __init__(
        self, path: Path, image: str, variables: Mapping[str, str] | None
    ) -> None:
        self._path = path
        self._variables = variables
        self._old = path.read_bytes()
        self.manifest = self._loaded(self._old)
        if image not in self.manifest.images:
            near = difflib.get_close_matches(image, self.manifest.images, 1)
            raise exceptions.ValidationError(
                f"{path} has no image {image!r}"
                + (f"; did you mean {near[0]}?" if near else "")
            )
        self._image = self.manifest.images[image]

    def _loaded(self, content: bytes) -> Manifest:
        return Manifest.loads(content, self._path, self._variables)

    def manifest_with(self, version: str) -> Manifest:
        """Return the manifest with another promoted version."""
        self._new = self._old
        if version != self._image.promoted:
            self._check_is_written()
            self._new = editing.with_text(
                self._old,
                str(self._path),
                ('images', self._image.name, 'promoted'),
                version,
            )
        try:
            return self._loaded(self._new)
        except ManifestError as error:
            # The file has no faults, so it is the version.
            raise exceptions.ValidationError(
                '; '.join(each.message for each in error.problems)
            ) from None

    def _check_is_written(self) -> None:
        """Refuse to write a version in place of a variable."""
        document = reading.read(self._old, str(self._path))
        path = ('images', self._image.name, 'promoted')
        written = document.written(path)
        if written and '$' in written:
            raise exceptions.ValidationError(
                f"{document.place(path)}: promoted is {written}; give the "
                "variable another value in its place"
            )

    def promotion(self, version: str, reason: str, plan: Plan) -> Promotion:
        return Promotion(
            self._loaded(self._new),
            self._image.name,
            self._image.promoted,
            version,
            reason,
            plan,
            self._old,
            self._new,
        )

    def check_known(
        self, manifest: Manifest, seen: Seen, version: str
    ) -> None:
        """Make sure that there is a version.

        :raises: :class:`~ims_ext.exceptions.ValidationError`
        """
        name = self._image.name
        declared = fleet.declared(manifest, seen.found)[name]
        known = {*declared}
        for there in self._present(seen).values():
            known |= set(there)
        lock = Lock.load(manifest)
        if lock is not None:
            known |= {v for image, v in lock.digests if image == name}
        if version in known:
            return
        near = difflib.get_close_matches(version, known, 1)
        said = f"{name} has no version {version!r}"
        if near:
            said += f"; did you mean {near[0]}?"
        elif known:
            few = ', '.join(versions.newest_first(known)[:10])
            said += f"; there are {few}"
        raise exceptions.ValidationError(
            '; '.join([said, *self._unseen(seen)])
        )

    def _present(self, seen: Seen) -> dict[str, dict[str, SeenImage]]:
        declared = fleet.declared(self.manifest, seen.found)
        return {
            target: fleet.Fleet(
                self.manifest, declared, seen.targets[target]
            ).versions(self._image.name)
            for target in self._image.targets
            if target in seen.targets and not seen.targets[target].problem
        }

    def _unseen(self, seen: Seen) -> Iterator[str]:
        if problem := seen.problems.get(self._image.name):
            yield f"its versions could not be found: {problem}"
        for target in self._image.targets:
            there = seen.targets.get(target)
            if there is not None and there.problem:
                yield f"{target} could not be seen: {there.problem}"

    # ====== THE VERSION BEFORE ======

    def version_before(self, seen: Seen) -> tuple[str, str]:
        """Return the version to roll back to, and why it is this one.

        :raises: :class:`~ims_ext.exceptions.ValidationError` where there is
            none.
        """
        name, now = self._image.name, self._image.promoted
        if now is None:
            raise exceptions.ValidationError(
                f"{name} has no promoted version to roll back from"
            )
        present = self._present(seen)
        older = [
            each
            for each in versions.newest_first(set().union(*present.values()))
            if versions.order(each) < versions.order(now)
            and self._is_everywhere(each, present)
        ]
        followers = _followers(self._image)
        at = _versions_at(followers, present)
        channels = ', '.join(followers) or "no channel"
        if now not in at:
            for each in older:
                if each in at:
                    return each, f"{channels} is still at it"
        for each in _before(now, _history(self._path, name, followers)):
            if each in older:
                return each, (
                    f"{channels} was at it before, by the journal of this "
                    "machine"
                )
        if older:
            return older[0], (
                f"the version before {now}; this machine has no journal of "
                f"what {channels} was at"
            )
        said = [f"{name} has no version before {now} at all of its targets"]
        raise exceptions.ValidationError(
            '; '.join([*said, *self._unseen(seen), "name one with --to"])
        )

    def _is_everywhere(
        self, version: str, present: Mapping[str, Mapping[str, SeenImage]]
    ) -> bool:
        return all(
            target in present
            and version in present[target]
            and present[target][version].is_active
            for target in self._image.targets
        )


def _followers(image: model.Image) -> tuple[str, ...]:
    return tuple(
        each.name for each in image.channels if each.version == model.PROMOTED
    )


def _versions_at(
    channels: Iterable[str],
    present: Mapping[str, Mapping[str, SeenImage]],
) -> set[str]:
    wanted = set(channels)
    return {
        version
        for there in present.values()
        for version, one in there.items()
        if one.words and wanted & set(one.words.channels)
    }


def _history(
    manifest: Path, image: str, channels: Iterable[str]
) -> Iterator[str]:
    """Give the versions that channels have moved to, the newest first."""
    wanted = set(channels)
    try:
        path = home.file_for(manifest, '.sqlite')
    except OSError:
        return
    if not path.exists():
        return
    with Journal(path) as journal:
        for run in journal.runs():
            for event in reversed(list(journal.events(run.run))):
                if (
                    event['kind'] == 'item.done'
                    and event['action'] == 'promote'
                    and event['image'] == image
                    and event['id'].rpartition(':')[2] in wanted
                ):
                    yield event['version']


def _before(now: str, history: Iterable[str]) -> Iterator[str]:
    """Give what a history has before it came to a version."""
    is_passed = False
    for each in history:
        if each == now:
            is_passed = True
        elif is_passed:
            yield each


def _lines(content: bytes) -> list[str]:
    encoding = 'utf-16' if content[:2] in (b'\xff\xfe', b'\xfe\xff') else None
    return content.decode(encoding or 'utf-8-sig').splitlines()
