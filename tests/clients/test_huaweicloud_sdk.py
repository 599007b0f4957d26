# SPDX-License-Identifier: Apache-2.0
"""huaweicloudsdk works with the emulator's services."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import subprocess

import boto3
import botocore.config
from openstack import connection
import pytest

from ims_ext.emulator import summary
from ims_ext.emulator.server import EmulatorServer

from .conftest import REGION
from .conftest import Cloud
from .conftest import python_client
from .outcome import PROGRAMS
from .outcome import Outcomes
from .outcome import version_of

PACKAGES = [
    'huaweicloudsdkims',
    'huaweicloudsdkiam',
    'huaweicloudsdkecs',
    'huaweicloudsdkevs',
]


@contextlib.contextmanager
def serving(is_encrypted: bool) -> Iterator[dict[str, str]]:
    """Run an emulator; give the variables that it tells clients to set."""
    with EmulatorServer(
        region=REGION, job_seconds=0, tls=is_encrypted
    ) as server:
        said = [
            line.removeprefix('  export ').partition('=')
            for line in summary.text(server, True).splitlines()
            if line.startswith('  export ')
        ]
        variables = {name: value for name, _, value in said}
        variables['OTHER_PROJECT_ID'] = server.project_id('bob')
        variables['BACKUP_ID'] = backup_id(server)
        if server.cacert is not None:
            variables['AUTHORITY'] = str(server.cacert)
        yield variables


def backup_id(server: EmulatorServer) -> str:
    """Return the ID of a backup, which no client of the vendor's lists."""
    with connection.Connection(**server.clouds()['clouds']['alice']) as conn:
        [backup] = conn.block_storage.backups(name='web-csbs')
        return str(backup.id)


def put_disks(variables: dict[str, str], folder: Path) -> None:
    """Put disk images into the first bucket."""
    s3 = boto3.client(
        's3',
        endpoint_url=variables['AWS_ENDPOINT_URL_S3'],
        region_name=REGION,
        aws_access_key_id=variables['AWS_ACCESS_KEY_ID'],
        aws_secret_access_key=variables['AWS_SECRET_ACCESS_KEY'],
        verify=variables.get('AUTHORITY'),
        config=botocore.config.Config(s3={'addressing_style': 'path'}),
    )
    for disk_format in ('qcow2', 'raw'):
        path = folder / f'disk.{disk_format}'
        subprocess.run(
            ['qemu-img', 'create', '-q', '-f', disk_format, str(path), '1M'],
            check=True,
        )
        s3.put_object(Bucket='images', Key=path.name, Body=path.read_bytes())


@pytest.mark.parametrize('scheme', ['http', 'https'])
def test_huaweicloud_sdk(
    outcomes: Outcomes, tmp_path: Path, scheme: str
) -> None:
    python = python_client(*PACKAGES) / 'python'
    with serving(scheme == 'https') as variables:
        put_disks(variables, tmp_path)
        cloud = Cloud(
            variables['AWS_ENDPOINT_URL_S3'],
            '',
            variables['OS_AUTH_URL'],
            variables['OS_ACCESS_KEY'],
            variables['OS_SECRET_KEY'],
        )

        outcomes.program(
            f'huaweicloudsdk, {scheme}',
            version_of(python, PACKAGES[0]),
            [str(python), str(PROGRAMS / 'huaweicloud_sdk.py')],
            cloud.environment | variables | {'BUCKET_URL': cloud.url},
        )
