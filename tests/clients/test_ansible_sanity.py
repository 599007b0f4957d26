# SPDX-License-Identifier: Apache-2.0
"""The collection passes the checks that Ansible has for collections."""

from pathlib import Path
import re
import shutil
import subprocess
import sys

from .conftest import CHECKOUT
from .conftest import home
from .conftest import kept_environment
from .outcome import PATIENCE

COLLECTION = Path('ansible_collections/ims_ext/cloud')
#: Those that look into modules; each has an environment of its own made.
CHECKS = ('ignores', 'pylint', 'validate-modules')
#: Where ansible-test says that pip's installer may be put.
INSTALLER = re.compile(r'be manually downloaded and saved to: (\S+)')


def test_the_collection_is_sane(tmp_path: Path) -> None:
    folder = tmp_path / COLLECTION
    shutil.copytree(
        CHECKOUT / 'ims_ext/ansible' / COLLECTION,
        folder,
        ignore=shutil.ignore_patterns('__pycache__', 'output'),
    )
    programs = Path(sys.executable).parent
    kept = kept_environment()
    environment = kept | {
        'HOME': str(home() / 'ansible-test'),
        'LC_ALL': 'C.UTF-8',
        'PATH': f'{programs}:{kept["PATH"]}',
    }
    version = '{}.{}'.format(*sys.version_info)

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *('ansible-test', 'sanity', '--requirements'),
                *('--python', version),
                *(word for each in CHECKS for word in ('--test', each)),
            ],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    done = check()
    # It loads the installer from its own site. Python brings one, too.
    if missing := INSTALLER.search(done.stdout):
        Path(missing[1]).write_text(
            'import ensurepip\nensurepip.bootstrap(default_pip=True)\n',
            'utf-8',
        )
        done = check()

    assert done.returncode == 0, done.stdout
    for each in CHECKS:
        assert f'Running sanity test "{each}"' in done.stdout
