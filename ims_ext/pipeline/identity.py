# SPDX-License-Identifier: Apache-2.0
"""How a pipeline's images are recognised in the cloud.

The creating request itself carries the identity, as tags where it takes tags,
and as the last words of the description: nothing that is kept locally is
needed to know an image again, and nothing is made twice.
"""

import base64
from collections.abc import Mapping
import dataclasses
import hashlib
import re

PIPELINE_TAG = 'ims-pipeline'
IMAGE_TAG = 'ims-image'
DIGEST_TAG = 'ims-digest'
TAGS = (PIPELINE_TAG, IMAGE_TAG, DIGEST_TAG)

#: Characters that a tag's value holds.
LONGEST_VALUE = 43

_WORDS = re.compile(
    r' ?\[ims-pipeline=(?P<pipeline>[A-Za-z0-9._-]{1,42}) '
    r'ims-image=(?P<image>[A-Za-z0-9._-]{1,42})@'
    r'(?P<version>[A-Za-z0-9._-]{1,64}) '
    r'ims-digest=(?P<digest>[A-Za-z0-9_-]{43})'
    r'(?: channels=(?P<channels>[A-Za-z0-9._,-]+))?'
    r'(?: deprecated=(?P<deprecated>[0-9]{4}-[0-9]{2}-[0-9]{2}))?\]$'
)


@dataclasses.dataclass(frozen=True)
class Identity:
    """Whose an image is, which one, and what it was made of.

    :ivar pipeline: The manifest's name.
    :ivar image: The image's name in the manifest.
    :ivar version: The version's name.
    :ivar digest: SHA-256 of the source, base64url without padding.
    """

    pipeline: str
    image: str
    version: str
    digest: str

    @property
    def tags(self) -> dict[str, str]:
        """The three tags that say so."""
        return {
            PIPELINE_TAG: self.pipeline,
            IMAGE_TAG: self.image_value,
            DIGEST_TAG: self.digest,
        }

    @property
    def image_value(self) -> str:
        """Image and version as a tag's value: a digest where they are long."""
        return short(f'{self.image}@{self.version}')

    def is_told_by(self, tags: Mapping[str, str]) -> bool:
        """Whether an image's tags say this identity.

        :param tags: The tags: keys and values.
        """
        return all(tags.get(key) == each for key, each in self.tags.items())


@dataclasses.dataclass(frozen=True)
class Words:
    """What a pipeline writes at the end of a description.

    :ivar identity: The image's identity.
    :ivar channels: The channels that are at it.
    :ivar deprecated: The day on which it was hidden, ``2026-11-20``.
    """

    identity: Identity
    channels: tuple[str, ...] = ()
    deprecated: str | None = None

    def after(self, description: str | None) -> str:
        """Return a description with these words as its last ones.

        :param description: The manifest's description, if any.
        """
        which = self.identity
        said = [
            f'{PIPELINE_TAG}={which.pipeline}',
            f'{IMAGE_TAG}={which.image}@{which.version}',
            f'{DIGEST_TAG}={which.digest}',
        ]
        if self.channels:
            said.append(f'channels={",".join(sorted(self.channels))}')
        if self.deprecated:
            said.append(f'deprecated={self.deprecated}')
        before = f'{description} ' if description else ''
        return f'{before}[{" ".join(said)}]'


def read(description: str | None) -> tuple[str, Words | None]:
    """Return a description without a pipeline's words, and these.

    :param description: An image's description.
    :returns: The words are ``None`` where a description has none.
    """
    text = description or ''
    match = _WORDS.search(text)
    if not match:
        return text, None
    found = match.groupdict()
    identity = Identity(
        found['pipeline'], found['image'], found['version'], found['digest']
    )
    channels = tuple(filter(None, (found['channels'] or '').split(',')))
    return text[: match.start()], Words(
        identity, channels, found['deprecated']
    )


def digest(content: bytes) -> str:
    """Return SHA-256 in the form of a tag's value.

    :param content: The bytes, or what stands for a source without any.
    """
    return encoded(hashlib.sha256(content).digest())


def encoded(raw: bytes) -> str:
    """Return a SHA-256 in the form of a tag's value.

    :param raw: The 32 bytes.
    """
    return base64.urlsafe_b64encode(raw).decode('ascii').rstrip('=')


def short(text: str) -> str:
    """Return a text as a tag's value: its digest where it is too long.

    :param text: The text.
    """
    return text if len(text) <= LONGEST_VALUE else digest(text.encode())
