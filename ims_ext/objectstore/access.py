# SPDX-License-Identifier: Apache-2.0
"""Access to a cloud's buckets: endpoint, access key, S3 client."""

from collections.abc import Mapping
import datetime
import email.utils
import ipaddress
import logging
import os
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from keystoneauth1 import exceptions as keystone_exceptions

from ims_ext import exceptions
from ims_ext.exceptions import masking
from ims_ext.objectstore import sending
from ims_ext.transport import failures
from ims_ext.transport import guarded_session
from ims_ext.transport import origin
from ims_ext.transport import retry

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from openstack.connection import Connection
    import requests

#: Seconds that a temporary access key is asked for: what all clouds grant.
KEY_SECONDS = 900
#: Seconds before its end when renewing a key is tried, and when it is due.
_RENEW_EARLY = 300
_RENEW_LATE = 120
#: What this machine's clock may differ by from the cloud's before that counts.
_CLOCK_TOLERANCE = datetime.timedelta(seconds=60)

_CONNECT_TIMEOUT = 15
_READ_TIMEOUT = 120
#: Connections kept; an upload sends that many parts at a time.
CONNECTIONS = 8

ADDRESSING_STYLES = ('auto', 'path', 'virtual')
#: Service types under which catalogs list the object store, best first.
SERVICE_TYPES = ('object', 'obs', 'object-store')

#: What is signed for where the cloud has no regions.
_REGION = 'us-east-1'
_KEYS_PATH = '/v3.0/OS-CREDENTIAL/securitytokens'
#: What follows the root in catalogs: ``/v1/AUTH_...``, ``/v3``.
_VERSION = re.compile(r'(/swift)?/v\d[^/]*(/.*)?$')
_ADVICE = (
    "Give an access key: ak and sk in the cloud's configuration, or the "
    "environment variables OS_ACCESS_KEY and OS_SECRET_KEY; or log in as a "
    "user to whom the identity service issues temporary ones"
)


def make_client(
    connection: 'Connection', retry_policy: retry.Policy | None = None
) -> 'S3Client':
    """Return an S3 client for the cloud's buckets.

    Only the cloud's configuration counts, nothing that is set up for AWS.

    :param connection: The cloud.
    :param retry_policy: How often the identity service is asked for a key.
    :raises: :class:`~ims_ext.exceptions.ObjectStoreError` where there is no
        endpoint or access key.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    endpoint = find_endpoint(connection)
    style = find_addressing_style(connection, endpoint)
    verify, certificate = connection.config.get_requests_verify_args()
    if verify is True:
        # As requests does it for the cloud's other services.
        verify = (
            os.environ.get('REQUESTS_CA_BUNDLE')
            or os.environ.get('CURL_CA_BUNDLE')
            or True
        )
    in_buckets: Any = {
        'addressing_style': style,
        'use_accelerate_endpoint': False,
        'use_arn_region': False,
        'us_east_1_regional_endpoint': 'regional',
    }
    config = Config(
        client_cert=certificate,
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        max_pool_connections=CONNECTIONS,
        # The policy says what is sent again.
        retries={'mode': 'standard', 'total_max_attempts': 1},
        signature_version='s3v4',
        s3=in_buckets,
        use_dualstack_endpoint=False,
        use_fips_endpoint=False,
        proxies=sending.proxies_for(
            connection.session.session, _requested(endpoint, style)
        ),
        # The newer checksums of AWS are unknown to other object stores.
        request_checksum_calculation='when_required',
        response_checksum_validation='when_required',
        user_agent_extra='ims-ext',
    )
    _keep_quiet()
    session = sending.isolated_session()
    # botocore has no public way to hand it credentials that renew themselves.
    session._credentials = find_credentials(connection, retry_policy)
    try:
        client = session.create_client(
            's3',
            region_name=connection.config.get_region_name('object') or _REGION,
            endpoint_url=endpoint,
            verify=verify,
            config=config,
        )
    except (BotoCoreError, ValueError, OSError) as error:
        raise exceptions.ObjectStoreError(
            f"There is no way to the object store at {endpoint}: "
            f"{words(error)}"
        ) from error
    sending.keep_to(client, endpoint)
    return cast('S3Client', client)


def _requested(endpoint: str, style: str) -> str:
    """Return a URL as it is requested, a bucket's name in front or not."""
    if style != 'virtual':
        return endpoint
    scheme, _, place = endpoint.partition('://')
    return f'{scheme}://bucket.{place}'


def _keep_quiet() -> None:
    """Keep what signs requests out of the log.

    botocore's debug messages have signatures, security tokens and whole
    requests in them. Whoever has set a level for them has decided; those
    that only tell of signing need a level of their own.
    """
    for name in (
        'boto3',
        'botocore',
        'botocore.auth',
        'botocore.endpoint',
        's3transfer',
    ):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    # It warns of a key that is not renewed in time, traceback and all, and
    # tries again; in the end there is an exception.
    logger = logging.getLogger('botocore.credentials')
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)


def find_endpoint(connection: 'Connection') -> str:
    """Return the URL of the object store, without a slash at its end.

    It is ``obs_endpoint_override`` of the cloud's configuration, else what
    the catalog has as ``object``, ``obs`` or ``object-store``.

    :param connection: The cloud.
    :raises: :class:`~ims_ext.exceptions.ObjectStoreError` where there is
        none.
    """
    url = connection.config.config.get('obs_endpoint_override')
    if url:
        return _checked_url(str(url), "obs_endpoint_override")
    for service_type in SERVICE_TYPES:
        url = _catalog_url(connection, service_type)
        if url:
            # As object-store, the catalog has the root of the Swift API.
            return _checked_url(
                _VERSION.sub('', url.rstrip('/')),
                f"The catalog's {service_type} endpoint",
            )
    raise exceptions.ObjectStoreError(
        f"The cloud's catalog has no object store "
        f"({', '.join(SERVICE_TYPES)}): set obs_endpoint_override in the "
        f"cloud's configuration"
    )


def find_addressing_style(connection: 'Connection', endpoint: str) -> str:
    """Return where requests name the bucket: ``path`` or ``virtual``.

    It is ``obs_addressing_style`` of the cloud's configuration; with
    ``auto`` and without any, the path for endpoints that no host name can
    be put in front of, and the host name for others.

    :param connection: The cloud.
    :param endpoint: The object store's URL.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for an unknown one.
    """
    style = connection.config.config.get('obs_addressing_style') or 'auto'
    if style not in ADDRESSING_STYLES:
        raise exceptions.ValidationError(
            f"obs_addressing_style is {style!r}; "
            f"{', '.join(ADDRESSING_STYLES)} are allowed"
        )
    if style != 'auto':
        return str(style)
    host = urlsplit(endpoint).hostname or ''
    return 'virtual' if '.' in host and not _is_address(host) else 'path'


def find_credentials(
    connection: 'Connection', retry_policy: retry.Policy | None = None
) -> 'Credentials':
    """Return the access key for the cloud's buckets.

    It is ``ak`` and ``sk`` (and ``security_token``) of the cloud's
    configuration, else the access key that the cloud's requests are signed
    with (``auth_type: v3aksk``), else OS_ACCESS_KEY and OS_SECRET_KEY (and
    OS_SECURITY_TOKEN) of the environment, else a temporary key from the
    identity service (POST /v3.0/OS-CREDENTIAL/securitytokens), renewed
    before it ends.

    :param connection: The cloud.
    :param retry_policy: How often the identity service is asked.
    :raises: :class:`~ims_ext.exceptions.BucketCredentialsError`
    """
    config = connection.config.config
    auth = config.get('auth') or {}
    signs = config.get('auth_type') == 'v3aksk'
    own = {name: config.get(name) or auth.get(name) for name in _CONFIG_NAMES}
    if signs:
        # The token there belongs to the key that signs requests.
        own['security_token'] = None
    return (
        _static(own, _CONFIG_NAMES, "the cloud's configuration")
        or _static(auth if signs else {}, _SIGNING_NAMES, "the cloud's auth")
        or _static(os.environ, _ENVIRONMENT_NAMES, "the environment")
        or _temporary(connection, retry_policy or retry.Policy())
    )


#: Access key, secret key, security token, as they are called there.
_CONFIG_NAMES = ('ak', 'sk', 'security_token')
_SIGNING_NAMES = ('access_key', 'secret_key', 'security_token')
_ENVIRONMENT_NAMES = ('OS_ACCESS_KEY', 'OS_SECRET_KEY', 'OS_SECURITY_TOKEN')


def _static(
    source: Mapping[str, Any], names: tuple[str, str, str], where: str
) -> 'Credentials | None':
    """Return a key that is given whole, or ``None`` where none is."""
    access, secret, token = (source.get(name) or None for name in names)
    if not access and not secret:
        return None
    if not access or not secret:
        there, missing = names[:2] if access else names[1::-1]
        raise exceptions.BucketCredentialsError(
            f"The access key is incomplete: {where} has {there} but not "
            f"{missing}"
        )
    from botocore.credentials import Credentials

    return Credentials(
        str(access),
        str(secret),
        str(token) if token else None,
        method='ims-ext',
    )


def _temporary(
    connection: 'Connection', policy: retry.Policy
) -> 'Credentials':
    from botocore.credentials import RefreshableCredentials

    def issue() -> dict[str, str]:
        return _issue_key(connection, policy)

    return RefreshableCredentials.create_from_metadata(
        issue(),
        refresh_using=issue,
        method='ims-ext-temporary',
        # botocore's own margins are as long as such a key lives.
        advisory_timeout=_RENEW_EARLY,
        mandatory_timeout=_RENEW_LATE,
    )


def _issue_key(
    connection: 'Connection', policy: retry.Policy
) -> dict[str, str]:
    """Get a temporary key, by the names that botocore has for its parts."""
    url = _identity_root(connection) + _KEYS_PATH
    session = guarded_session.guarded(connection.session)

    def ask() -> 'requests.Response':
        response = session.post(
            url,
            json={
                'auth': {
                    'identity': {
                        'methods': ['token'],
                        'token': {'duration_seconds': KEY_SECONDS},
                    }
                }
            },
            authenticated=True,
            raise_exc=False,
            # The answer is a secret, and keystoneauth logs answers.
            log=False,
            timeout=session.timeout or policy.silence,
        )
        return failures.good(response)

    try:
        # In the middle of an upload, nothing else would ask again. Two keys
        # do no harm.
        with masking.clean_errors():
            response = retry.run(
                ask,
                policy,
                failure_in=failures.in_error,
                give_up=retry.last_answer,
            )
    except (
        keystone_exceptions.ClientException,
        exceptions.InvalidAnswerError,
        exceptions.RedirectRefusedError,
    ) as error:
        raise exceptions.BucketCredentialsError(
            f"There is no access key for the buckets, and the identity "
            f"service issued no temporary one: "
            f"{words(error)}. {_ADVICE}"
        ) from error
    if response.status_code >= 400:
        raise exceptions.BucketCredentialsError(
            f"There is no access key for the buckets, and the identity "
            f"service refuses to issue a temporary one (HTTP "
            f"{response.status_code} {response.reason}). {_ADVICE}"
        )
    try:
        credential = response.json()['credential']
        return {
            'access_key': str(credential['access']),
            'secret_key': str(credential['secret']),
            'token': str(credential['securitytoken']),
            'expiry_time': _end(
                str(credential['expires_at']), response.headers.get('Date')
            ),
        }
    except (ValueError, KeyError, TypeError):
        # Not chained: what was answered may be in the other's message.
        raise exceptions.BucketCredentialsError(
            f"There is no access key for the buckets, and the identity "
            f"service's answer has no temporary one. {_ADVICE}"
        ) from None


def _end(expires_at: str, date: str | None) -> str:
    """Return when a key ends, by this machine's clock.

    :param expires_at: When it ends.
    :param date: What time it is there, if that is told.
    :raises: ``ValueError`` for what is no time.
    """
    end = _utc(datetime.datetime.fromisoformat(expires_at))
    now = datetime.datetime.now(datetime.UTC)
    try:
        ahead = now - _utc(email.utils.parsedate_to_datetime(date or ''))
    except ValueError:
        return end.isoformat()
    if abs(ahead) > _CLOCK_TOLERANCE:
        # It would be taken for one that has ended, or that never ends.
        end += ahead
    return end.isoformat()


def _utc(told: datetime.datetime) -> datetime.datetime:
    """Return a time that may not tell its zone, which is UTC then."""
    return told if told.tzinfo else told.replace(tzinfo=datetime.UTC)


def _identity_root(connection: 'Connection') -> str:
    """Return the identity service's URL without its version."""
    url = _catalog_url(connection, 'identity')
    if not url:
        url = (connection.config.config.get('auth') or {}).get('auth_url')
    if not url:
        raise exceptions.BucketCredentialsError(
            f"There is no access key for the buckets, and no identity "
            f"service to issue one. {_ADVICE}"
        )
    return _VERSION.sub('', str(url).rstrip('/'))


def _catalog_url(connection: 'Connection', service_type: str) -> str | None:
    """Return what the catalog has for a service, or ``None``."""
    config = connection.config
    try:
        url = guarded_session.guarded(connection.session).get_endpoint(
            service_type=service_type,
            interface=config.get_interface(service_type),
            region_name=config.get_region_name(service_type),
            skip_discovery=True,
        )
    except keystone_exceptions.EndpointNotFound:
        return None
    if url:
        try:
            origin.check_answered(url)
            origin.of(url)
        except ValueError as error:
            raise exceptions.ObjectStoreError(
                f"The catalog's {service_type} endpoint is not an http or "
                f"https URL: {url[:200]!a} ({error})"
            ) from None
    return url


def _checked_url(url: str, what: str) -> str:
    try:
        origin.of(url)
    except ValueError:
        raise exceptions.ObjectStoreError(
            f"{what} is not an http or https URL: {url!a}"
        ) from None
    return url.rstrip('/')


def words(error: BaseException) -> str:
    """Return an exception's message on one line, without a full stop."""
    return ' '.join(str(error).split()).rstrip('.')


def status(error: 'ClientError') -> int:
    """Return the HTTP status of a refusal."""
    return int(error.response['ResponseMetadata'].get('HTTPStatusCode', 0))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.endswith('.localhost')
    return True
