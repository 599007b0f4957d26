# SPDX-License-Identifier: Apache-2.0
"""rclone works with the emulator's buckets."""

import os
from pathlib import Path
import subprocess

import pytest

from .conftest import REGION
from .conftest import Cloud
from .conftest import command
from .outcome import Outcome
from .outcome import Outcomes

MIB = 1024**2


@pytest.mark.usefixtures('names')
@pytest.mark.parametrize('provider', ['Other', 'HuaweiOBS'])
def test_rclone(
    cloud: Cloud, outcomes: Outcomes, tmp_path: Path, provider: str
) -> None:
    rclone = command('rclone')
    told = subprocess.check_output([rclone, 'version'], text=True)
    outcome = Outcome(f'rclone, {provider}', told.split()[1].removeprefix('v'))
    # What it takes for a bucket's name, it puts before HuaweiOBS's only.
    url = cloud.named_url if provider == 'HuaweiOBS' else cloud.url
    bucket = f':s3:rclone-{provider.lower()}'
    options = [
        *('--config', os.devnull, '--retries=1', '--low-level-retries=1'),
        *(f'--s3-provider={provider}', f'--s3-endpoint={url}'),
        *(f'--s3-access-key-id={cloud.access}', f'--s3-region={REGION}'),
        f'--s3-secret-access-key={cloud.secret}',
        *('--s3-upload-cutoff=5M', '--s3-chunk-size=5M'),
    ]
    tree = tmp_path / 'tree'
    (tree / 'sub').mkdir(parents=True)
    (tree / 'a').write_text('content', 'utf-8')
    (tree / 'sub' / 'b ü').write_text('x', 'utf-8')
    big = tmp_path / 'big'
    big.write_bytes(os.urandom(12 * MIB))
    down = tmp_path / 'down'

    def attempt(
        name: str, *words: str, told: str = '', given: str = ''
    ) -> None:
        outcome.attempt(
            name,
            [rclone, *words, *options],
            lambda output: told in output,
            environment=cloud.environment,
            given=given,
        )

    attempt('mkdir', 'mkdir', bucket)
    attempt('lsd', 'lsd', ':s3:', told=f'rclone-{provider.lower()}')
    attempt('copy', 'copy', str(tree), f'{bucket}/tree')
    attempt('check', 'check', str(tree), f'{bucket}/tree')
    attempt('multipart', 'copyto', str(big), f'{bucket}/big')
    attempt('download', 'copyto', f'{bucket}/big', str(down))
    assert down.read_bytes() == big.read_bytes()
    attempt('lsf', 'lsf', '-R', bucket, told='tree/sub/b ü')
    attempt('md5sum', 'md5sum', f'{bucket}/big')
    attempt('server-side copy', 'copyto', f'{bucket}/big', f'{bucket}/2')
    attempt('server-side move', 'moveto', f'{bucket}/2', f'{bucket}/3')
    attempt(
        'cat', 'cat', '--offset=1', '--count=3', f'{bucket}/tree/a', told='ont'
    )
    attempt('touch', 'touch', f'{bucket}/tree/a')
    attempt('lsl', 'lsl', bucket, told='tree/a')
    attempt('size', 'size', bucket, told='4')
    attempt('link', 'link', '--expire=1h', f'{bucket}/big', told='Signature')
    attempt('sync', 'sync', '--checksum', str(tree), f'{bucket}/tree')
    attempt('cleanup', 'cleanup', bucket)
    attempt('rcat', 'rcat', f'{bucket}/stream', given='streamed')
    attempt('delete', 'deletefile', f'{bucket}/3')
    attempt('purge', 'purge', bucket)

    outcomes.judge(outcome)
