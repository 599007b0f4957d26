# SPDX-License-Identifier: Apache-2.0
"""Sessions that a change passes: tests, lint, documentation and a wheel.

``nox --list`` names them. Most share the environment in ``.venv``, which is
the one to develop in; those that need other packages have one of their own
under ``.nox``. ``-R`` runs a session again without installing anything.
"""

import configparser
import os
from pathlib import Path
import sys
import tempfile

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

nox.needs_version = '>=2024.4.15'
nox.options.sessions = ['lint', 'unit', 'functional']
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
BIN = ROOT / '.venv' / 'bin'

#: Hashed versions, for the Python that they were found out with.
CONSTRAINTS = '.ci/constraints.txt'
CONSTRAINTS_NATIVE = '.ci/constraints-native.txt'
HASHED_PYTHON = (3, 11)

#: The services that ``tests/native`` compares the emulator with.
SERVICES = ['glance==33.*', 'keystone==30.*']

#: The extras that users install, whose lowest versions are promised.
PROMISED_EXTRAS = ['obs', 'cli', 'emulator', 'pipeline', 'ansible']

UNIT = ['tests/unit', 'tests/contract']
FUNCTIONAL = ['tests/functional']
#: What pipelines promise, whoever carries them out.
BOARD = [
    f'tests/functional/test_pipeline_{each}.py'
    for each in ('consumers', 'interrupted')
]
CLIENTS = ['tests/clients']
BROWSER = ['tests/browser']
PAGES = ['tests/documentation']
#: Whatever goes through openstacksdk, osc-lib, boto3 and waitress.
LOWEST = [
    'tests/functional/test_commands.py',
    'tests/functional/test_emulator_image.py',
    'tests/functional/test_file_import.py',
    'tests/functional/test_sharing.py',
    'tests/functional/test_transfer.py',
]
#: The environment that this run has installed.
developed: list[str] = []

PARALLEL = ['--numprocesses', 'logical', '--dist', 'loadfile']
#: Tests over connections wait for most of their time.
WAITING = ['--numprocesses', str(2 * (os.cpu_count() or 1)), *PARALLEL[2:]]


def requirements(*extras: str) -> list[str]:
    """Read the requirements of the package and of extras from setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg', 'utf-8')
    lists = [setup['options']['install_requires']]
    lists += [setup['options.extras_require'][extra] for extra in extras]
    lines = [line for each in lists for line in each.splitlines() if line]
    return sorted({li for li in lines if not li.startswith('ims-ext')})


def lowest_versions() -> list[str]:
    """Pin what users install to the lowest versions that setup.cfg permits."""
    ranges = requirements(*PROMISED_EXTRAS)
    return [li.split(',')[0].replace('>=', '==') for li in ranges]


def unpinned(*extras: str) -> list[str]:
    """Return the requirements that the hashed versions do not meet."""
    lines = (ROOT / CONSTRAINTS).read_text('utf-8').splitlines()
    pins = dict(li.split()[0].split('==') for li in lines if '==' in li)

    def is_met(wanted: Requirement) -> bool:
        version = pins.get(canonicalize_name(wanted.name))
        return version is not None and wanted.specifier.contains(
            version, prereleases=True
        )

    wanted = [Requirement(line) for line in requirements(*extras)]
    return [str(each) for each in wanted if not is_met(each)]


def develop(session: nox.Session) -> None:
    """Install the package in ``.venv``, with what tests and lints it."""
    if developed:  # By another session of this run.
        return
    if missing := unpinned(*PROMISED_EXTRAS, 'test', 'doc', 'dev'):
        session.error(
            f"{CONSTRAINTS} has no version for {', '.join(missing)}: "
            "nox --session constraints"
        )
    python = str(BIN / 'python')
    if not Path(python).exists():
        session.run_install(
            sys.executable, '-m', 'venv', '.venv', external=True
        )
    for arguments in installation('dev', CONSTRAINTS, sys.version_info[:2]):
        session.run_install(
            python, '-m', 'pip', 'install', '--quiet', *arguments,
            external=True,
        )  # fmt: skip
    developed.append(python)


def installation(
    extra: str, constraints: str, python: tuple[int, ...]
) -> list[list[str]]:
    """Return pip's arguments, a list a command, to install from a checkout.

    pip refuses a hash for a folder: first come the hashed dependencies, the
    build system among them, then the package, without any. The list is whole:
    nothing is looked up that may have a newer release, which has no hash.
    """
    if python != HASHED_PYTHON:
        return [['--editable', f'.[{extra}]']]
    return [
        ['--no-deps', '--require-hashes', '--requirement', constraints],
        ['--no-deps', '--no-build-isolation', '--editable', '.'],
    ]


def pytest(
    session: nox.Session, tests: list[str], *options: str, **env: str
) -> None:
    """Run pytest of ``.venv``; a session's arguments replace the tests."""
    develop(session)
    session.run(
        str(BIN / 'python'), '-m', 'pytest', *options,
        *(session.posargs or tests),
        env=env, external=True,
    )  # fmt: skip


@nox.session(python=False)
def unit(session: nox.Session) -> None:
    """Test modules by themselves, and the documented examples."""
    pytest(session, UNIT, *PARALLEL)


@nox.session(python=False)
def functional(session: nox.Session) -> None:
    """Test over real connections to an emulator."""
    pytest(session, FUNCTIONAL, *WAITING)


@nox.session(python=False)
def board(session: nox.Session) -> None:
    """Test pipelines again, carried out by a worker of a board."""
    pytest(session, BOARD, *PARALLEL, IMS_EXT_TEST_BOARD='own')


@nox.session(python=False)
def clients(session: nox.Session) -> None:
    """Try other people's clients and test suites on the emulator."""
    pytest(session, CLIENTS)


@nox.session(python=False)
def pages(session: nox.Session) -> None:
    """Type README.md and the documentation from top to bottom."""
    pytest(session, PAGES, *WAITING[:2], '--maxschedchunk', '1')


@nox.session(python=False)
def browser(session: nox.Session) -> None:
    """Try what has a page in a real browser."""
    pytest(session, BROWSER)


@nox.session(python=False)
def test(session: nox.Session) -> None:
    """Test everything that unit and functional do, in one go."""
    pytest(session, [*UNIT, *FUNCTIONAL], *WAITING)


@nox.session(python=False)
def coverage(session: nox.Session) -> None:
    """Measure which lines and branches unit and functional reach."""
    report = ['--cov', '--cov-report', 'term:skip-covered']
    pytest(session, [*UNIT, *FUNCTIONAL], *WAITING, *report)


@nox.session
def native(session: nox.Session) -> None:
    """Compare the emulator with a real Glance and Keystone."""
    if sys.version_info[:2] == HASHED_PYTHON:
        extra = ''
    else:
        session.install(*SERVICES)
        extra = 'emulator,test'
    for arguments in installation(
        extra, CONSTRAINTS_NATIVE, sys.version_info[:2]
    ):
        session.install(*arguments)
    session.run(
        'pytest',
        # What the services use is their own business.
        '-W', 'default::DeprecationWarning',
        '-W', 'default::PendingDeprecationWarning',
        *(session.posargs or ['tests/native']),
        env={'IMS_EXT_NATIVE': '1'},
    )  # fmt: skip


@nox.session
def lowest(session: nox.Session) -> None:
    """Test with the lowest versions that setup.cfg permits."""
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as pins:
        pins.write('\n'.join(lowest_versions()) + '\n')
        pins.flush()
        session.install('--constraint', pins.name, '--editable', '.[test]')
    session.run('pytest', *PARALLEL, *(session.posargs or UNIT + LOWEST))


@nox.session
def newest(session: nox.Session) -> None:
    """Test with the newest versions of everything; -P says which Python."""
    session.install(
        '--upgrade', '--upgrade-strategy', 'eager', '--editable', '.[test]'
    )
    session.run('pytest', *PARALLEL, *(session.posargs or UNIT))


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Check style, types and files, as before each commit."""
    develop(session)
    session.run(
        str(BIN / 'pre-commit'), 'run', '--all-files',
        '--show-diff-on-failure', *session.posargs,
        external=True,
    )  # fmt: skip


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Build the documentation; a reference to nothing is an error."""
    develop(session)
    session.run(
        str(BIN / 'sphinx-build'), '-W', '-q', '-b', 'html',
        'doc/source', 'doc/build/html',
        external=True,
    )  # fmt: skip


@nox.session
def wheel(session: nox.Session) -> None:
    """Build a wheel, and use it far from the source, bare and with extras."""
    folder = ROOT / session.create_tmp()
    develop(session)
    for stale in folder.glob('*.whl'):
        stale.unlink()
    session.run(
        str(BIN / 'python'), '-m', 'build', '--wheel', '--no-isolation',
        '--outdir', str(folder), '.', external=True, silent=True,
    )  # fmt: skip
    (built,) = folder.glob('*.whl')
    session.run('pip', 'uninstall', '--quiet', '--yes', 'ims-ext', silent=True)
    session.chdir(folder)
    # With -R, too: installing is what is tested.
    session.run('pip', 'install', '--quiet', str(built))
    session.run('python', str(ROOT / '.ci' / 'bare_wheel.py'))
    extras = ','.join(PROMISED_EXTRAS)
    session.run('pip', 'install', '--quiet', f'{built}[{extras}]')
    session.run('ims-emulator', 'demo')
    session.run('ansible-doc', 'ims_ext.cloud.image', silent=True)
    session.log("The wheel works.")


@nox.session(default=False)
def constraints(session: nox.Session) -> None:
    """Renew the hashed versions of .ci, to the newest that there are."""
    if sys.version_info[:2] != HASHED_PYTHON:
        session.error("Python {}.{} is needed".format(*HASHED_PYTHON))
    session.install('pip-tools')
    every = requirements(*PROMISED_EXTRAS, 'test', 'doc', 'dev')
    pin(session, CONSTRAINTS, [*every, 'setuptools'])
    testing = ('hypothesis', 'pytest')
    few = [li for li in requirements('test') if li.startswith(testing)]
    few += requirements('emulator')
    pin(session, CONSTRAINTS_NATIVE, [*few, *SERVICES, 'setuptools'])


def pin(session: nox.Session, target: str, wanted: list[str]) -> None:
    """Write the versions and hashes of requirements and their dependencies."""
    source = Path(session.create_tmp()) / 'wanted.in'
    source.write_text('\n'.join(wanted) + '\n', 'utf-8')
    session.run(
        'pip-compile', '--quiet', '--upgrade', '--generate-hashes',
        '--allow-unsafe', '--strip-extras', '--no-annotate',
        '--no-emit-options', '--no-emit-index-url', '--no-emit-find-links',
        '--no-emit-trusted-host', '--output-file', target, str(source),
        env={'CUSTOM_COMPILE_COMMAND': 'nox --session constraints'},
    )  # fmt: skip
