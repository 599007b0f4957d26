# SPDX-License-Identifier: Apache-2.0
"""What ``ims-emulator serve`` says when it is ready."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ims_ext.emulator import names

if TYPE_CHECKING:
    from ims_ext.emulator.server import EmulatorServer


#: The services in people's words.
_NOUNS = {
    'image': "images",
    'bucket': "buckets",
    'block-storage': "block storage",
    'key-management': "keys",
    'backup': "vaults",
}


def text(server: 'EmulatorServer', access_keys: bool) -> str:
    """Return it: addresses, users, and how clients are set up.

    :param server: The emulator, which runs.
    :param access_keys: Whether to tell the users' access keys.
    """
    clouds = server.clouds(access_keys)['clouds']
    lines = [
        "The emulator is ready; stop it with Ctrl-C.",
        *_addresses(server),
        *_names(server),
        "Users:",
        *_users(clouds),
        *_faults(server),
        "To use it:",
        *_exports(_variables(server, clouds['emulator'], access_keys)),
        "  openstack ims image list",
        *_trust(server),
    ]
    if access_keys:
        lines += ["To sign requests instead:", "  export OS_AUTH_TYPE=v3aksk"]
        lines += _other_clients(server, clouds['emulator'])
    return '\n'.join(lines)


def _addresses(server: 'EmulatorServer') -> list[str]:
    """Return the services' addresses; those of other regions below."""
    from ims_ext.emulator.address import SERVICES

    lines = []
    for number, region in enumerate(server.addresses.regions):
        if number:
            lines.append(f"In {region}:")
        for service in SERVICES:
            url = server.addresses.url(service, region)
            if service == 'identity':
                url += '/v3'
            lines.append(f'  {_NOUNS.get(service, service):14} {url}')
    lines.append(f'  {"to look at":14} {server.control_url}')
    if server.cacert is not None:
        lines.append(f'  {"authority":14} {server.cacert}')
    return lines


def _names(server: 'EmulatorServer') -> list[str]:
    # Where clients are told of names, a warning has said so.
    advice = None if server.addresses.has_names else names.advice(server)
    return [f'{advice}.'] if advice else []


def _users(clouds: dict[str, Any]) -> list[str]:
    return [
        f"  {name} (password {each['auth']['password']}, "
        f"project {each['auth']['project_name']})"
        for name, each in clouds.items()
        if not name.startswith('emulator') and 'password' in each['auth']
    ]


def _faults(server: 'EmulatorServer') -> list[str]:
    faults = server.faults.current
    if not faults:
        return []
    texts = [f'  {each.fault}' for each in faults]
    return [f"What goes wrong on purpose (seed {faults.seed}):", *texts]


def _variables(
    server: 'EmulatorServer', cloud: dict[str, Any], access_keys: bool
) -> dict[str, str]:
    auth = cloud['auth']
    variables = {
        'OS_AUTH_URL': auth['auth_url'],
        'OS_IDENTITY_API_VERSION': '3',
        'OS_REGION_NAME': cloud['region_name'],
        'OS_USER_DOMAIN_ID': auth['user_domain_id'],
        'OS_PROJECT_DOMAIN_ID': auth['project_domain_id'],
        'OS_PROJECT_NAME': auth['project_name'],
        'OS_USERNAME': auth['username'],
        'OS_PASSWORD': auth['password'],
    }
    if server.cacert is not None:
        variables['OS_CACERT'] = str(server.cacert)
    if access_keys:
        variables['OS_ACCESS_KEY'] = cloud['ak']
        variables['OS_SECRET_KEY'] = cloud['sk']
    return variables


def _trust(server: 'EmulatorServer') -> list[str]:
    """Return how programs trust the authority that know no OS_CACERT."""
    if server.cacert is None:
        return []
    path = server.cacert
    return [
        "To trust it, whichever of these a program knows:",
        f"  curl --cacert {path}",
        *(
            f"  export {name}={path}"
            for name in (
                'SSL_CERT_FILE',
                'REQUESTS_CA_BUNDLE',
                'AWS_CA_BUNDLE',
                'NODE_EXTRA_CA_CERTS',
            )
        ),
    ]


def _exports(variables: dict[str, str]) -> list[str]:
    return [f'  export {name}={each}' for name, each in variables.items()]


# ====== OTHER CLIENTS ======


def variables(server: 'EmulatorServer') -> dict[str, str]:
    """Return what sets clients up that know no clouds.yaml, with keys.

    :param server: The emulator, which runs.
    """
    cloud = server.clouds(access_keys=True)['clouds']['emulator']
    return {
        **_aws(server, cloud),
        **_rclone(server, cloud),
        **_vendor(server, cloud),
    }


def _other_clients(
    server: 'EmulatorServer', cloud: dict[str, Any]
) -> list[str]:
    """Return how clients are set up that know no clouds.yaml."""
    ca = None if server.cacert is None else str(server.cacert)
    return [
        "awscli and boto3:",
        *_exports(_aws(server, cloud)),
        "  aws s3 ls",
        "rclone:",
        *_exports(_rclone(server, cloud)),
        # It does not start where that is set.
        f"  {'env -u AWS_CA_BUNDLE ' if ca else ''}rclone lsd emulator:",
        "s3cmd:",
        f'  {_s3cmd(server, cloud, ca)} ls',
        "The vendor's SDKs:",
        *_exports(_vendor(server, cloud)),
        *([f"  HttpConfig().ssl_ca_cert = '{ca}'"] if ca else []),
        "The vendor's OBS SDKs (esdk-obs-python):",
        f'  {_esdk(server, cloud, ca)}',
    ]


def _aws(server: 'EmulatorServer', cloud: dict[str, Any]) -> dict[str, str]:
    found = {
        'AWS_ACCESS_KEY_ID': cloud['ak'],
        'AWS_SECRET_ACCESS_KEY': cloud['sk'],
        'AWS_DEFAULT_REGION': cloud['region_name'],
        'AWS_ENDPOINT_URL_S3': server.bucket_url,
    }
    if server.cacert is not None:
        found['AWS_CA_BUNDLE'] = str(server.cacert)
    return found


def _rclone(server: 'EmulatorServer', cloud: dict[str, Any]) -> dict[str, str]:
    # What it takes for a bucket's name, it puts before HuaweiOBS's only.
    provider = 'HuaweiOBS' if server.addresses.has_names else 'Other'
    found = {
        'RCLONE_CONFIG_EMULATOR_TYPE': 's3',
        'RCLONE_CONFIG_EMULATOR_PROVIDER': provider,
        'RCLONE_CONFIG_EMULATOR_ACCESS_KEY_ID': cloud['ak'],
        'RCLONE_CONFIG_EMULATOR_SECRET_ACCESS_KEY': cloud['sk'],
        'RCLONE_CONFIG_EMULATOR_REGION': cloud['region_name'],
        'RCLONE_CONFIG_EMULATOR_ENDPOINT': server.bucket_url,
    }
    if server.cacert is not None:
        found['RCLONE_CA_CERT'] = str(server.cacert)
    return found


def _s3cmd(
    server: 'EmulatorServer', cloud: dict[str, Any], ca: str | None
) -> str:
    host = urlsplit(server.bucket_url).netloc
    before = '%(bucket)s.' if server.addresses.has_names else ''
    return ' '.join(
        [
            's3cmd',
            f'--ca-certs={ca}' if ca else '--no-ssl',
            f'--host={host}',
            f"'--host-bucket={before}{host}'",
            f'--region={cloud["region_name"]}',
            f'--access_key={cloud["ak"]}',
            f'--secret_key={cloud["sk"]}',
        ]
    )


def _vendor(server: 'EmulatorServer', cloud: dict[str, Any]) -> dict[str, str]:
    """Return the variables that the SDKs take endpoints and keys from."""
    from ims_ext.emulator.address import SERVICES

    region = cloud['region_name']
    suffix = region.replace('-', '_').upper()
    identity = server.addresses.url('identity')
    variables = {
        'HUAWEICLOUD_SDK_AK': cloud['ak'],
        'HUAWEICLOUD_SDK_SK': cloud['sk'],
        'HUAWEICLOUD_SDK_PROJECT_ID': server.project_id('alice'),
        'HUAWEICLOUD_SDK_IAM_ENDPOINT': identity,
    }
    for service in SERVICES:
        name = server.addresses.short_name(service).upper()
        variables[f'HUAWEICLOUD_SDK_REGION_{name}_{suffix}'] = (
            server.addresses.url(service)
        )
    return variables


def _esdk(
    server: 'EmulatorServer', cloud: dict[str, Any], ca: str | None
) -> str:
    arguments = [
        f"'{cloud['ak']}', '{cloud['sk']}', server='{server.bucket_url}'"
    ]
    if not server.addresses.has_names:
        # It signs in OBS's own protocol where the bucket is in the name.
        arguments.append("path_style=True, signature='v4'")
    if ca is not None:
        arguments.append(f"ssl_verify='{ca}'")
    return f'obs.ObsClient({", ".join(arguments)})'
