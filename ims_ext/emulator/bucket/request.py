# SPDX-License-Identifier: Apache-2.0
"""One request to the object store, taken apart."""

from collections.abc import Iterable, Mapping
import dataclasses
import functools
import re
from urllib.parse import parse_qsl
from urllib.parse import quote
from urllib.parse import unquote
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator.bucket import dialect
from ims_ext.emulator.bucket.dialect import OBS
from ims_ext.emulator.bucket.dialect import S3
from ims_ext.emulator.bucket.dialect import Dialect
from ims_ext.emulator.bucket.errors import S3Error

#: The service's own name below a domain, with a bucket in front of it or not.
_SERVICE = re.compile(r'(?:(.+)\.)?obs(?:\.[a-z0-9-]+)?')
_PREFIXES = (S3.prefix, OBS.prefix)
#: The parameters that name the key in signed URLs.
_SIGNING_PARAMS = (S3.access_key, OBS.access_key, 'X-Amz-Credential')
#: What a query has where it may name the key; names may be quoted.
_MAYBE_SIGNED = re.compile(rf'%|apiversion|{"|".join(_SIGNING_PARAMS)}')


@dataclasses.dataclass(frozen=True)
class BucketRequest:
    """A request, as it was sent.

    :ivar method: The HTTP method.
    :ivar path: The path, still quoted.
    :ivar query: The query, still quoted.
    :ivar headers: Headers with lower-case names, as WSGI decodes them.
    :ivar host_bucket: The bucket where the host's name has it, or ``None``.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    host_bucket: str | None = None

    @functools.cached_property
    def params(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @functools.cached_property
    def dialect(self) -> Dialect:
        """The protocol that it speaks."""
        return dialect.spoken(
            self.headers.get('authorization', ''), self.params, self.headers
        )

    @functools.cached_property
    def target(self) -> tuple[str, str]:
        """The names of the bucket and of the object; empty for none.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        try:
            path = unquote(self.path[1:], errors='strict')
        except UnicodeDecodeError:
            raise S3Error(
                'InvalidURI', "The request's path is not UTF-8."
            ) from None
        if self.host_bucket:
            return self.host_bucket, path
        bucket, _, key = path.partition('/')
        if key and not bucket:
            raise S3Error('InvalidURI', "The request's path names no bucket.")
        return bucket, key

    def own_headers(self) -> list[str]:
        """Return the names of its headers that only object stores know."""
        return [n for n in self.headers if n.startswith(_PREFIXES)]


def read_request(
    environ: WSGIEnvironment, domains: Iterable[str]
) -> BucketRequest:
    """Take a WSGI request apart.

    :param environ: The request.
    :param domains: The domains that the service has names in. A bucket may
        be in front of the domain or of the service's name.
    """
    headers = {
        name[5:].replace('_', '-').lower(): value
        for name, value in environ.items()
        if name.startswith('HTTP_')
    }
    for name in ('CONTENT_TYPE', 'CONTENT_LENGTH'):
        if environ.get(name):
            headers[name.replace('_', '-').lower()] = environ[name]
    uri = environ.get('REQUEST_URI') or ''
    # A path may begin with two slashes, which urlsplit takes for a host.
    path = uri.partition('?')[0] if uri[:1] == '/' else urlsplit(uri).path
    if not path:
        path = quote(environ.get('PATH_INFO', '/').encode('latin-1'))
    return BucketRequest(
        environ['REQUEST_METHOD'],
        path,
        environ.get('QUERY_STRING', ''),
        headers,
        bucket_of(headers.get('host', ''), domains),
    )


def is_for_buckets(environ: WSGIEnvironment) -> bool:
    """Whether only an object store could be meant, by a request's signature.

    :param environ: The request, of which the body may be missing.
    """
    scheme = environ.get('HTTP_AUTHORIZATION', '').partition(' ')[0]
    if scheme:
        return scheme in (S3.scheme, OBS.scheme, dialect.V4)
    query = environ.get('QUERY_STRING', '')
    if not _MAYBE_SIGNED.search(query):
        return False
    params = dict(parse_qsl(query, keep_blank_values=True)).keys()
    return not params.isdisjoint(_SIGNING_PARAMS) or (
        environ['REQUEST_METHOD'] == 'HEAD' and 'apiversion' in params
    )


def bucket_of(host: str, domains: Iterable[str]) -> str | None:
    """Return the bucket that a host's name begins with.

    :param host: The name, with or without a port.
    :param domains: The domains that the service has names in.
    """
    name = re.sub(r':\d*$', '', host).lower()
    for domain in domains:
        below = name.removesuffix(f'.{domain}')
        if below != name:
            service = _SERVICE.fullmatch(below)
            return service[1] if service else below
    return None
