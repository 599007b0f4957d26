# SPDX-License-Identifier: Apache-2.0
"""From a place to a proven, unpacked and judged disk image on this machine."""

from collections.abc import Iterator
import dataclasses
import functools
from pathlib import Path
import time

from ims_ext import diskimage
from ims_ext.pipeline.events import Tell
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources import archives
from ims_ext.pipeline.sources import judging
from ims_ext.pipeline.sources import packing
from ims_ext.pipeline.sources.errors import PlaceError
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.places import Place
from ims_ext.pipeline.sources.places import Places
from ims_ext.pipeline.sources.proofs import Proofs
from ims_ext.pipeline.sources.space import Output
from ims_ext.pipeline.sources.space import Workspace

#: Bytes of the largest disk image that any cloud takes.
LARGEST = 1024**4
#: How often something is packed in something packed.
_DEPTH = 4
#: Seconds between two reports of progress.
_REPORT = 1.0


@dataclasses.dataclass
class Prepared:
    """A disk image that is ready to be sent.

    :ivar path: Its file.
    :ivar content: What its content says.
    :ivar digest: What identifies the source that it was made of.
    :ivar stored: Bytes that the disk keeps for it.
    :ivar source: What the content of the file before any conversion says.
    """

    path: Path
    content: diskimage.DiskImage
    digest: str
    stored: int
    source: diskimage.DiskImage


class Fetcher:
    """Fetches disk images.

    :param places: Finds the places of sources.
    :param proofs: Says what they must be.
    :param workspace: Where files are put.
    :param tell: Takes the events.
    """

    def __init__(
        self,
        places: Places,
        proofs: Proofs,
        workspace: Workspace,
        tell: Tell,
    ) -> None:
        self._places = places
        self._proofs = proofs
        self._workspace = workspace
        self._tell = tell

    def prepare(self, image: model.Image, version: model.Version) -> Prepared:
        """Fetch a version's disk image, from the first place that gives it.

        :param image: The image.
        :param version: The version.
        :raises: :class:`.errors.SourceError`
        """
        label = f'{image.name}@{version.name}'
        problems: list[str] = []
        for place in self._places.of(image, version):
            try:
                output, digest = self._fetched(label, version, place)
            except PlaceError as error:
                problems.append(str(error))
                self._tell('note', id=None, message=f"{label}: {error}")
                continue
            return self._made(image, output, place, place.digest or digest)
        raise SourceError(
            f"{label} cannot be had, and nothing is made of it: "
            + '; '.join(problems)
        )

    def _fetched(
        self, label: str, version: model.Version, place: Place
    ) -> tuple['_Unpacked', str]:
        """Return what a place gives, proven and unpacked."""
        expected = self._proofs.expected(version, place.file_name)
        unpacked = _Unpacked(self._workspace, place)
        digest = ''
        began = time.monotonic()
        step = {'id': f'source:{label}', 'step': 'fetch'}
        self._tell('step.started', **step)
        count = 0

        def take(chunks: Iterator[bytes]) -> None:
            nonlocal digest, count
            with self._proofs.checking(version, expected, place.name) as check:
                looked_at = self._reported(step, check.through(chunks), place)
                failure = unpacked.take(looked_at)
                # What is broken is told as such only if it is what it has to
                # be.
                digest = check.finish()
                count = check.done
                if failure is not None:
                    raise failure

        try:
            place.fetch(take)
            unpacked.output.finish()
        except BaseException:
            unpacked.discard()
            raise
        self._tell(
            'step.done',
            **step,
            seconds=round(time.monotonic() - began, 3),
            bytes=count,
        )
        return unpacked, digest

    def _reported(
        self, step: dict[str, str], chunks: Iterator[bytes], place: Place
    ) -> Iterator[bytes]:
        """Give bytes, and tell of them now and then."""
        done, told = 0, time.monotonic()
        for chunk in chunks:
            done += len(chunk)
            now = time.monotonic()
            if now - told >= _REPORT:
                told = now
                total = place.total
                self._tell('progress', **step, done=done, total=total)
            yield chunk

    def _made(
        self,
        image: model.Image,
        unpacked: '_Unpacked',
        place: Place,
        digest: str,
    ) -> Prepared:
        """Return a fetched file as it is sent."""
        output = unpacked.output
        try:
            found = judging.judge(output.path, unpacked.name)
            path, content = output.path, found
            if image.convert is not None:
                judging.check(image, found)
                path, content = judging.convert(
                    found,
                    output.path,
                    self._written(image.convert, found),
                    self._workspace,
                )
        except BaseException:
            output.discard()
            raise
        if path == output.path:
            return Prepared(path, content, digest, output.stored, found)
        output.discard()
        return Prepared(path, content, digest, judging.stored(path), found)

    def _written(self, wanted: str, found: diskimage.DiskImage) -> str:
        """Return the format to convert to: of those that can be written."""
        if wanted != 'zvhd2' or found.disk_format == wanted:
            return wanted
        self._tell(
            'note',
            id=None,
            message=(
                f"{found.name}: no free program writes zvhd2; it is sent as "
                f"qcow2, which every cloud takes"
            ),
        )
        return 'qcow2'


class _Unpacked:
    """A file as it comes out of whatever it is packed in.

    :ivar output: The file.
    :ivar name: What it is called, without folders.
    """

    def __init__(self, workspace: Workspace, place: Place) -> None:
        self._workspace = workspace
        self._place = place
        self.output = Output(workspace, LARGEST)
        self.name = place.file_name

    def discard(self) -> None:
        """Remove the file."""
        self.output.discard()

    def take(self, chunks: Iterator[bytes]) -> SourceError | None:
        """Take all bytes.

        :param chunks: The bytes, which are all read whatever is in them.
        :returns: Why they cannot be unpacked, if so.
        """
        stream = packing.Stream(chunks)
        failure: SourceError | None = None
        self.output.begin()
        self.name = self._place.file_name
        try:
            self._unpack(stream, self._place.file_name, self._place.member, 0)
        except PlaceError:
            raise
        except SourceError as error:
            failure = error
        for _ in stream.chunks():
            pass
        return failure

    def _unpack(
        self,
        stream: packing.Stream,
        name: str,
        member: str | None,
        depth: int,
    ) -> None:
        while kind := packing.kind_of(stream.peek(512)):
            depth += 1
            if depth > _DEPTH:
                raise SourceError(
                    f"{self._place.name} is packed more than {_DEPTH} times"
                )

            take = functools.partial(self._take_member, depth)
            if kind == 'tar':
                archives.from_tar(stream, self._place.name, member, take)
                return
            if kind == 'zip':
                self._from_zip(stream, member, take)
                return
            stream = packing.Stream(
                packing.unpack(stream, kind, self._place.name)
            )
            name = packing.unpacked_name(name)
        if member is not None:
            raise SourceError(
                f"{self._place.name} is no archive that {member!r} could be "
                f"in: leave out member"
            )
        self.name = name
        for chunk in stream.chunks():
            self.output.write(chunk)

    def _take_member(
        self, depth: int, name: str, content: packing.Stream
    ) -> None:
        self.output.begin()
        file_name = name.replace('\\', '/').rpartition('/')[2]
        self._unpack(content, file_name, None, depth)

    def _from_zip(
        self, stream: packing.Stream, member: str | None, take: archives.Take
    ) -> None:
        """Unpack what cannot be unpacked before all of it is there."""
        whole = Output(self._workspace, LARGEST)
        try:
            for chunk in stream.chunks():
                whole.write(chunk)
            whole.finish()
            archives.from_zip(whole.path, self._place.name, member, take)
        finally:
            whole.discard()
