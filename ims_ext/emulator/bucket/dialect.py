# SPDX-License-Identifier: Apache-2.0
"""OBS and S3: two protocols that say the same in different words."""

from collections.abc import Iterable, Mapping
import dataclasses

#: The authorization scheme of version 4 of S3's signatures.
V4 = 'AWS4-HMAC-SHA256'


@dataclasses.dataclass(frozen=True)
class Dialect:
    """The words of a protocol.

    :ivar prefix: How its own headers begin.
    :ivar namespace: The namespace of its XML documents.
    :ivar scheme: The authorization scheme of its own signature.
    :ivar access_key: The parameter that names the key in signed URLs.
    :ivar region: The header that names a bucket's region, less the prefix.
    :ivar bucket_class: The header that names a bucket's storage class.
    :ivar storage_classes: Its names of storage classes, and OBS's.
    """

    prefix: str
    namespace: str
    scheme: str
    access_key: str
    region: str
    bucket_class: str
    storage_classes: Mapping[str, str]

    def storage_class(self, kept: str) -> str:
        """Return this protocol's name of a storage class."""
        names = {ours: name for name, ours in self.storage_classes.items()}
        return names.get(kept, kept)


# The namespace is the one of a cloud of the family, whose own client reads
# no other; all others take any.
S3 = Dialect(
    'x-amz-',
    'http://obs.otc.t-systems.com/doc/2016-01-01/',
    'AWS',
    'AWSAccessKeyId',
    'bucket-region',
    'x-default-storage-class',
    {
        'STANDARD': 'STANDARD',
        'STANDARD_IA': 'WARM',
        'GLACIER': 'COLD',
    },
)
OBS = Dialect(
    'x-obs-',
    'http://obs.myhwclouds.com/doc/2015-06-30/',
    'OBS',
    'AccessKeyId',
    'bucket-location',
    'x-obs-storage-class',
    {'STANDARD': 'STANDARD', 'WARM': 'WARM', 'COLD': 'COLD'},
)


def spoken(
    authorization: str, params: Iterable[str], headers: Iterable[str]
) -> Dialect:
    """Return the protocol that a request speaks.

    Its signature tells; where it has none, its headers do.

    :param authorization: The header of that name.
    :param params: The names of the query's parameters.
    :param headers: The headers' names in lower case.
    """
    scheme = authorization.partition(' ')[0]
    if scheme:
        return OBS if scheme == OBS.scheme else S3
    if OBS.access_key in params:
        return OBS
    if S3.access_key in params or 'X-Amz-Algorithm' in params:
        return S3
    return OBS if any(n.startswith(OBS.prefix) for n in headers) else S3
