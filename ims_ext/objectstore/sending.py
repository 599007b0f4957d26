# SPDX-License-Identifier: Apache-2.0
"""Bucket requests go to the endpoint only, as the cloud's other requests do.

botocore knows AWS: it has hosts of its own for names that look like AWS's,
asks a metadata service, reads files and variables that are set up for AWS,
and has a reading of its own of the variables for proxies.
"""

import os
from typing import TYPE_CHECKING, Any

import requests
from requests import utils as requests_utils

from ims_ext import exceptions
from ims_ext.transport import origin as origins

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Bytes of an answer of the object store at most, but for an object's own.
LARGEST_ANSWER = 16 * 1024**2
_BLOCK = 64 * 1024


def isolated_session() -> Any:
    """Return a botocore session that nothing set up for AWS has a say in."""
    from botocore import configprovider
    import botocore.session

    variables: Any = configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES
    unread = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in variables.items()
    }
    unread['config_file'] = (None, None, os.devnull, None)
    unread['credentials_file'] = (None, None, os.devnull, None)
    return botocore.session.Session(session_vars=unread)


def proxies_for(session: requests.Session, endpoint: str) -> dict[str, str]:
    """Return the proxy of a URL by scheme, as requests reads the variables.

    :param session: The session of the cloud's other requests.
    :param endpoint: The URL.
    :returns: Nothing where the URL is asked for directly.
    :raises: :class:`~ims_ext.exceptions.ObjectStoreError` for a proxy of a
        kind that bucket requests cannot go through.
    """
    settings: Any = session.merge_environment_settings(
        endpoint, {}, None, None, None
    )
    proxy = requests_utils.select_proxy(endpoint, settings['proxies'])
    if not proxy:
        return {}
    scheme = proxy.partition('://')[0].lower() if '://' in proxy else 'http'
    if scheme not in ('http', 'https'):
        raise exceptions.ObjectStoreError(
            f"The proxy for {endpoint} is of the kind {scheme}, which bucket "
            f"requests cannot go through: name one of http or https, or "
            f"leave the object store out by no_proxy"
        )
    return {endpoint.partition('://')[0].lower(): proxy}


def keep_to(client: 'S3Client', endpoint: str) -> None:
    """Have a client send nothing to any host but the endpoint's.

    Its buckets' names may be in front of the host.

    :param client: The client.
    :param endpoint: The object store's URL.
    """
    scheme, host, port = origins.of(endpoint)

    def check(request: Any, **_: Any) -> None:
        try:
            found = origins.of(request.url)
        except ValueError:
            found = ('', '', None)
        is_there = found[1] == host or found[1].endswith(f'.{host}')
        if not is_there or (found[0], found[2]) != (scheme, port):
            raise exceptions.ObjectStoreError(
                f"botocore would have sent a request to "
                f"{request.url.partition('?')[0][:200]!a}, which is not at "
                f"{endpoint}; nothing has been sent: perhaps the bucket's "
                f"name is one that means something else at AWS; name another"
            )

    client.meta.events.register_first('before-send', check)
    client.meta.events.register('before-call.s3', _stay)
    # botocore has no public way to bound what it reads.
    engine: Any = getattr(client, '_endpoint', None)
    if hasattr(engine, 'http_session'):
        engine.http_session = _BoundedSession(engine.http_session)


def _stay(context: Any, **_: Any) -> None:
    """Keep botocore from looking for a bucket in other regions.

    It asks the store where the bucket is, and where the answer to that is a
    redirect as well, asks again, without end.
    """
    context.setdefault('s3_redirect', {})['redirected'] = True


class _BoundedSession:
    """Sends requests, and reads their answers up to a bound."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        return getattr(self._given, name)

    def send(self, request: Any) -> Any:
        """Send a request.

        :param request: The request, as botocore has prepared it.
        :raises: :class:`~ims_ext.exceptions.ObjectStoreError` for an answer
            that is too large.
        """
        is_stream, request.stream_output = request.stream_output, True
        response = self._given.send(request)
        if is_stream and response.status_code < 300:
            return response
        try:
            response._content = _read(response.raw)
        except exceptions.ObjectStoreError:
            response.raw.close()
            raise
        except Exception as error:
            raise _translated(error, request) from error
        return response


def _read(raw: Any) -> bytes:
    content = bytearray()
    for block in raw.stream(_BLOCK):
        content += block
        if len(content) > LARGEST_ANSWER:
            raise exceptions.ObjectStoreError(
                f"An answer of the object store has more than "
                f"{LARGEST_ANSWER >> 20} MiB, which no answer has"
            )
    return bytes(content)


def _translated(error: Exception, request: Any) -> Exception:
    """Return what botocore raises for a connection that ends while reading."""
    from botocore import exceptions as botocore_exceptions
    from urllib3 import exceptions as urllib3_exceptions

    if isinstance(error, urllib3_exceptions.ReadTimeoutError):
        return botocore_exceptions.ReadTimeoutError(
            endpoint_url=request.url, error=error
        )
    if isinstance(error, urllib3_exceptions.ProtocolError):
        return botocore_exceptions.ConnectionClosedError(
            error=error, request=request, endpoint_url=request.url
        )
    return botocore_exceptions.HTTPClientError(error=error)
