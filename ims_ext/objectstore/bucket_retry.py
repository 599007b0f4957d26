# SPDX-License-Identifier: Apache-2.0
"""Which failures of a bucket pass, in botocore's words.

botocore's own retries are switched off: how often and for how long a bucket
is asked again is said by the one policy.
"""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError
from botocore.parsers import ResponseParserError

from ims_ext.transport import failures
from ims_ext.transport import retry

T = TypeVar('T')


def persist(
    send: Callable[[], T],
    policy: retry.Policy,
    pause: Callable[[float], object] | None = None,
    *,
    is_reachable: bool = True,
) -> T:
    """Send a request, again and again if need be, but not for ever.

    :param send: Sends it.
    :param policy: How often and for how long.
    :param pause: Waits some seconds before the next attempt.
    :param is_reachable: Whether the store has been reached before; an error
        in the configuration is not waited for as long.
    :returns: What ``send`` returns.
    :raises: What ``send`` has raised at last.
    """

    def failure_in(error: Exception) -> failures.Failure | None:
        return _failure(error, is_reachable)

    def wait(
        seconds: float, failure: failures.Failure, attempts: retry.Attempts
    ) -> None:
        (pause or retry.sleep)(seconds)

    return retry.run(
        send, policy, failure_in=failure_in, give_up=_give_up, wait=wait
    )


def _give_up(error: Exception, attempts: retry.Attempts) -> NoReturn:
    raise error


def _failure(error: Exception, is_reachable: bool) -> failures.Failure | None:
    """Return the failure that an exception of botocore's stands for."""
    if isinstance(error, ClientError):
        metadata = error.response.get('ResponseMetadata', {})
        return failures.in_status(
            metadata.get('HTTPStatusCode', 0),
            metadata.get('HTTPHeaders', {}).get('retry-after'),
        )
    if isinstance(error, ResponseParserError):
        return failures.Failure('doubtful', 'an answer that cannot be read')
    if isinstance(error, BotoConnectionError | HTTPClientError):
        kind: failures.Kind = 'connection'
        if isinstance(error, BotoConnectionError) and not is_reachable:
            kind = 'doubtful'
        return failures.Failure(kind, str(error))
    return None
