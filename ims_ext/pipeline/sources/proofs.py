# SPDX-License-Identifier: Apache-2.0
"""What a source must be: its checksum, and who has signed that."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import hashlib
import threading

from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources import addresses
from ims_ext.pipeline.sources import checksums
from ims_ext.pipeline.sources import signatures
from ims_ext.pipeline.sources.errors import ProofError
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.places import Places


@dataclasses.dataclass(frozen=True)
class Expected:
    """What is known of a source before it is there.

    :ivar checksum: What its bytes must have, if that is known.
    :ivar is_signed: Whether the checksum is from a list that is signed.
    """

    checksum: model.Checksum | None = None
    is_signed: bool = False

    def __str__(self) -> str:
        if self.checksum is None:
            return ''
        shown = f'{self.checksum.algorithm} {self.checksum.digest[:8]}…'
        return f'{shown} signed' if self.is_signed else shown


def identity_of(checksum: model.Checksum) -> str:
    """Return what identifies the bytes that have a checksum.

    :param checksum: The checksum.
    """
    if checksum.algorithm == 'sha256':
        return identity.encoded(bytes.fromhex(checksum.digest))
    return identity.digest(str(checksum).encode())


class Proofs:
    """The proofs of sources; each list is fetched once.

    :param places: Fetches lists and signatures.
    :param verifiers: Makes what checks the signatures of a keyring.
    """

    def __init__(
        self, places: Places, verifiers: signatures.Verifiers
    ) -> None:
        self._places = places
        self._verifiers = verifiers
        self._guard = threading.Lock()
        self._lists: dict[tuple[str, model.Signature | None], _List] = {}

    def expected(self, version: model.Version, file_name: str) -> Expected:
        """Return what a source's bytes must have.

        :param version: The version.
        :param file_name: The source's name, which lists name.
        :raises: :class:`.errors.SourceError` where the list is not there, is
            not what was signed, or does not name the file.
        """
        if version.checksums is None:
            return Expected(version.checksum)
        key = version.checksums, version.signature
        with self._guard:
            found = self._lists.setdefault(key, _List())
        text = found.get(lambda: self._list(*key))
        where = shown(version.checksums)
        listed = checksums.find(text, file_name, where)
        if version.checksum is not None:
            self._compare(version.checksum, listed, where)
            listed = version.checksum
        return Expected(listed, version.signature is not None)

    def _compare(
        self, named: model.Checksum, listed: model.Checksum, where: str
    ) -> None:
        if named.algorithm == listed.algorithm and named != listed:
            raise ProofError(
                f"{where} has the checksum {listed}, and the manifest "
                f"{named}: the file has been changed, or one of them is wrong"
            )

    def _list(self, location: str, signature: model.Signature | None) -> bytes:
        text = self._places.text(location, checksums.LONGEST)
        if signature is None:
            return text
        verifier = self._verifiers(signature.keyring)
        where = shown(location)
        if signature.location == location:
            return verifier.clearsigned(text, where)
        sign = self._places.text(signature.location, checksums.LONGEST)
        if signatures.is_clearsigned(sign):
            # A second form of the list, which is what was signed.
            return verifier.clearsigned(sign, shown(signature.location))
        verifier.detached(text, sign, where)
        return text

    @contextlib.contextmanager
    def checking(
        self, version: model.Version, expected: Expected, name: str
    ) -> Iterator['Check']:
        """Give the check of a source whose bytes come in pieces.

        :param version: The version.
        :param expected: What is known of it.
        :param name: What messages call it.
        """
        with contextlib.ExitStack() as stack:
            signed = None
            signature = version.signature
            if signature is not None and version.checksums is None:
                sign = self._places.text(
                    signature.location, signatures.LONGEST
                )
                signed = stack.enter_context(
                    self._verifiers(signature.keyring).streaming(sign, name)
                )
            yield Check(expected.checksum, signed, name)


class Check:
    """The check of a source whose bytes come in pieces.

    :param checksum: What they must have, if that is known.
    :param signed: The check of its signature, if it has one.
    :param name: What messages call it.
    :ivar done: Bytes that have come.
    """

    def __init__(
        self,
        checksum: model.Checksum | None,
        signed: signatures.Check | None,
        name: str,
    ) -> None:
        self._checksum = checksum
        self._signed = signed
        self._name = name
        self._sha256 = hashlib.sha256()
        self._other = (
            hashlib.sha512()
            if checksum is not None and checksum.algorithm == 'sha512'
            else None
        )
        self.done = 0

    def through(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Give bytes that are looked at on their way.

        :param chunks: The bytes.
        """
        for chunk in chunks:
            self._sha256.update(chunk)
            if self._other is not None:
                self._other.update(chunk)
            if self._signed is not None:
                self._signed.write(chunk)
            self.done += len(chunk)
            yield chunk

    def finish(self) -> str:
        """Return what identifies the bytes, all of them being there.

        :raises: :class:`.errors.ProofError` where they are not what they
            must be.
        """
        if self._checksum is not None:
            found = (self._other or self._sha256).hexdigest()
            if found != self._checksum.digest:
                raise ProofError(
                    f"{self._name} is not what it has to be: its "
                    f"{self._checksum.algorithm} is {found[:16]}…, and "
                    f"{self._checksum.digest[:16]}… is wanted; it has been "
                    f"changed there or on its way"
                )
        if self._signed is not None:
            self._signed.finish()
        if self._checksum is not None:
            return identity_of(self._checksum)
        return identity.encoded(self._sha256.digest())


class _List:
    """A list that is fetched once, whoever asks first."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._text: bytes | None = None
        self._failure = ''

    def get(self, fetch: Callable[[], bytes]) -> bytes:
        with self._guard:
            if self._failure:
                raise ProofError(self._failure)
            if self._text is None:
                try:
                    self._text = fetch()
                except SourceError as error:
                    self._failure = str(error)
                    raise
            return self._text


def shown(location: str) -> str:
    """Return a URL or a path for messages.

    :param location: What a manifest names.
    """
    if location.startswith(('http://', 'https://')):
        return addresses.shown(location)
    return location
