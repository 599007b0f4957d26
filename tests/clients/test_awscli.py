# SPDX-License-Identifier: Apache-2.0
"""awscli works with the emulator's buckets."""

import os
from pathlib import Path
import urllib.request

from .conftest import REGION
from .conftest import Cloud
from .conftest import python_client
from .outcome import Outcome
from .outcome import Outcomes
from .outcome import version_of

MIB = 1024**2


def test_awscli(cloud: Cloud, outcomes: Outcomes, tmp_path: Path) -> None:
    programs = python_client('awscli')
    outcome = Outcome('awscli', version_of(programs / 'python', 'awscli'))
    environment = cloud.environment | {
        'AWS_ACCESS_KEY_ID': cloud.access,
        'AWS_SECRET_ACCESS_KEY': cloud.secret,
        'AWS_DEFAULT_REGION': REGION,
        'AWS_CONFIG_FILE': os.devnull,
        'LC_ALL': 'C.UTF-8',
    }
    bucket = 's3://awscli'
    big, down = tmp_path / 'big', tmp_path / 'down'
    big.write_bytes(os.urandom(12 * MIB))
    tree = tmp_path / 'tree'
    (tree / 'sub').mkdir(parents=True)
    (tree / 'a').write_text('content', 'utf-8')
    (tree / 'sub' / 'b ü').write_text('x', 'utf-8')

    def attempt(name: str, *words: str, told: str = '') -> str:
        endpoint = f'--endpoint-url={cloud.url}'
        return outcome.attempt(
            name,
            [str(programs / 'aws'), endpoint, *words],
            lambda output: told in output,
            environment=environment,
        )

    attempt('mb', 's3', 'mb', bucket)
    attempt('ls of buckets', 's3', 'ls', told='awscli')
    attempt('cp up', 's3', 'cp', str(big), f'{bucket}/big')
    attempt('cp down', 's3', 'cp', f'{bucket}/big', str(down))
    assert down.read_bytes() == big.read_bytes()
    attempt('sync', 's3', 'sync', str(tree), f'{bucket}/tree')
    attempt('ls', 's3', 'ls', '--recursive', bucket, told='tree/sub/b ü')
    attempt('mv', 's3', 'mv', f'{bucket}/big', f'{bucket}/moved')
    which = ('--bucket=awscli', '--key=moved')
    attempt('head-object', 's3api', 'head-object', *which, told='12582912')
    attempt('get-object-acl', 's3api', 'get-object-acl', *which)
    attempt(
        'list-object-versions',
        *('s3api', 'list-object-versions', '--bucket=awscli'),
        told='"null"',
    )
    attempt(
        'get-bucket-location',
        *('s3api', 'get-bucket-location', '--bucket=awscli'),
        told=REGION,
    )
    signed = attempt('presign', 's3', 'presign', f'{bucket}/tree/a')
    with urllib.request.urlopen(signed.strip()) as answer:
        assert answer.read() == b'content'
    attempt('rm', 's3', 'rm', f'{bucket}/moved')
    attempt('rb', 's3', 'rb', bucket, '--force')

    outcomes.judge(outcome)
