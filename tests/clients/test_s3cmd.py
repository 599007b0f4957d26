# SPDX-License-Identifier: Apache-2.0
"""s3cmd works with the emulator's buckets."""

import os
from pathlib import Path
import urllib.request

import pytest

from .conftest import REGION
from .conftest import Cloud
from .conftest import python_client
from .outcome import Outcome
from .outcome import Outcomes
from .outcome import version_of

MIB = 1024**2


@pytest.mark.parametrize('signature', ['v4', 'v2'])
def test_s3cmd(
    cloud: Cloud, outcomes: Outcomes, tmp_path: Path, signature: str
) -> None:
    programs = python_client('s3cmd', 'setuptools')
    outcome = Outcome(
        f's3cmd, {signature}', version_of(programs / 'python', 's3cmd')
    )
    host = cloud.url.removeprefix('http://')
    config = tmp_path / 'config'
    config.write_text(
        f'[default]\naccess_key = {cloud.access}\n'
        f'secret_key = {cloud.secret}\nhost_base = {host}\n'
        f'host_bucket = {host}\nuse_https = False\n'
        f'bucket_location = {REGION}\n',
        'utf-8',
    )
    bucket = f's3://s3cmd-{signature}'
    big, down = tmp_path / 'big', tmp_path / 'down'
    big.write_bytes(os.urandom(12 * MIB))
    tree = tmp_path / 'tree'
    (tree / 'sub').mkdir(parents=True)
    (tree / 'a').write_text('content', 'utf-8')
    (tree / 'sub' / 'b ü').write_text('x', 'utf-8')

    def attempt(name: str, *words: str, told: str = '') -> str:
        command = [str(programs / 's3cmd'), '-c', str(config), *words]
        if signature == 'v2':
            command.append('--signature-v2')
        return outcome.attempt(
            name,
            command,
            lambda output: told in output,
            environment=cloud.environment | {'LC_ALL': 'C.UTF-8'},
        )

    attempt('mb', 'mb', bucket)
    attempt('ls of buckets', 'ls', told=bucket)
    attempt('put', 'put', f'{tree}/a', f'{bucket}/a')
    attempt(
        'multipart',
        *('put', str(big), f'{bucket}/big', '--multipart-chunk-size-mb=5'),
    )
    attempt('get', 'get', f'{bucket}/big', str(down))
    assert down.read_bytes() == big.read_bytes()
    attempt('info of a bucket', 'info', bucket, told=REGION)
    attempt('info of an object', 'info', f'{bucket}/a', told='FULL_CONTROL')
    attempt('cp', 'cp', f'{bucket}/a', f'{bucket}/b')
    attempt('mv', 'mv', f'{bucket}/b', f'{bucket}/c ü')
    attempt('modify', 'modify', f'{bucket}/a', '--add-header=x-amz-meta-x:y')
    attempt('sync', 'sync', f'{tree}/', f'{bucket}/tree/')
    attempt('ls', 'ls', '-r', bucket, told='tree/sub/b ü')
    attempt('du', 'du', bucket, told='5 objects')
    attempt('listing of uploads', 'multipart', bucket)
    signed = attempt('signurl', 'signurl', f'{bucket}/a', '+60')
    with urllib.request.urlopen(signed.strip()) as answer:
        assert answer.read() == b'content'
    attempt('del', 'del', f'{bucket}/a')
    attempt('del of many', 'del', '-r', '--force', bucket)
    attempt('rb', 'rb', bucket)

    outcomes.judge(outcome)
