# SPDX-License-Identifier: Apache-2.0
"""Types a page of the documentation from top to bottom, on an emulator.

``typist.py PAGE RESULT`` writes to RESULT, in JSON, what went wrong at which
line. Comments before a block, which readers do not see, say what is particular
about it:

``not run``
    Why it is not.
``before``
    What a shell does before it.
``begin``
    The page that makes what it begins with, which is typed before it.
``status``
    What its last command exits with, other than 0.
``emulator``
    How the page's emulator is made: arguments of ``EmulatorServer``.

Commands are typed into one shell, Python into one interpreter. A block with a
caption becomes the file of that name. ``<job>`` in a command is the ID that
was printed with ``-c job_id``, and so on.
"""

import ast
from collections.abc import Iterator
import configparser
import contextlib
import doctest
import io
import json
import os
from pathlib import Path
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from typing import Any

from openstack import config
import yaml

from ims_ext.emulator import summary
from ims_ext.emulator.server import EmulatorServer
from tests import code_blocks
from tests import programs

#: For how long a command may take, in seconds.
PATIENCE = 120

#: The clouds that pages speak of, which are the emulator's here.
CLOUDS = {
    'consumer': 'bob',
    'images': 'alice',
    'otc': 'alice',
    'otc-team-a': 'bob',
    'production': 'alice',
}
#: Where ``ims-emulator serve`` is steered; the page's emulator is, here.
CONTROL = re.compile(r'http://127.0.0.1:(?:9292|9301)(?=/_emulator)')

_ID = re.compile(r'\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-\w{12}\b')
#: What differs from run to run, in what is shown.
_VARYING = re.compile(
    rf'{_ID.pattern}'
    r'|\b\d{8}-\d{6}-[0-9a-f]{6}\b'  # a run
    r'|\b\d{4}-\d\d-\d\dT[\d:.]+Z?'
    r'|\b\d+(?:\.\d+)? (?:s|ms)\b'
    r'|…|\.\.\.'
)
_REFUSAL = re.compile(r'"error": \{"code": \d')
_OPENS_A_SHELL = re.compile(r'ims-emulator exec .*-- bash$')


class Unexpected(Exception):
    """What a block did is not what its page says."""


class Shell:
    """A shell that goes on until the page is at its end."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ['bash', '--noprofile', '--norc'],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._served = False

    def run(self, command: str) -> tuple[str, int]:
        """Return what a command prints, and what it exits with."""
        if command.startswith('ims-emulator serve'):
            self._serve(command)
            return '', 0
        if not _OPENS_A_SHELL.match(command):
            # What it reads is not what is typed next.
            command = f'{{ {command}\n}} </dev/null'
        return self._typed(command)

    def close(self) -> None:
        """End it, and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _serve(self, command: str) -> None:
        """Start an emulator, in place of the one that was started before."""
        self.stop_serving()
        self._typed(
            f'{command} --port 0 >served 2>&1 </dev/null & export served=$!'
        )
        self._served = True
        out, status = self._typed(
            'until grep -q "ims image list" served || ! kill -0 $served; do\n'
            'sleep 0.1; done; cat served; kill -0 $served'
        )
        if status:
            raise Unexpected(f'does not serve: {out}')

    def stop_serving(self) -> None:
        """End the emulator that was started last."""
        if self._served:
            self._typed(
                'kill $served\nwhile kill -0 $served; do sleep 0.1; done'
            )
        self._served = False

    def _typed(self, text: str) -> tuple[str, int]:
        assert self._process.stdin
        assert self._process.stdout
        late = threading.Timer(PATIENCE, self._process.kill)
        late.start()
        try:
            self._process.stdin.write(f"{text}\nprintf '\\001%s\\n' $?\n")
            self._process.stdin.flush()
            printed = ''
            for line in self._process.stdout:
                printed += line
                before, mark, status = printed.rpartition('\x01')
                if mark:
                    return before, int(status)
        finally:
            late.cancel()
        raise Unexpected(f'does not end: {printed}')


class Page:
    """A page that is being typed.

    :param path: The page.
    :param folder: Where the files are that it speaks of.
    :param server: Its emulator.
    """

    def __init__(
        self, path: Path, folder: Path, server: EmulatorServer
    ) -> None:
        self._path = path
        self._folder = folder
        self._control = server.control_url.removesuffix('/_emulator')
        self._names: dict[str, Any] = {'__name__': 'typed'}
        self._parser = doctest.DocTestParser()
        self._shell = Shell(folder, dict(os.environ))

    def type(self) -> Iterator[dict[str, Any]]:
        """Type it, and give what went wrong."""
        try:
            for block in code_blocks.blocks(self._path):
                if not block.language or 'not run' in block.notes:
                    continue
                try:
                    self._type(block)
                except Unexpected as error:
                    yield {'line': block.line, 'what': str(error)}
                except BaseException:
                    what = traceback.format_exc()
                    yield {'line': block.line, 'what': what}
        finally:
            self._shell.stop_serving()
            self._shell.close()

    def _type(self, block: code_blocks.Block) -> None:
        if page := block.notes.get('begin'):
            for each in code_blocks.blocks(code_blocks.ROOT / page):
                if 'not run' not in each.notes:
                    self._type(each)
        if before := block.notes.get('before'):
            out, status = self._run(before)
            if status:
                raise Unexpected(f'before it: {status}\n{out}')
        if block.caption:
            here = Path(self._shell.run('pwd')[0].strip())
            written = here / block.caption
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(block.code, 'utf-8')
        elif block.language in ('console', 'bash'):
            self._type_commands(block)
        elif block.language == 'python':
            self._type_python(block)
        elif block.language == 'pycon':
            self._type_session(block)
        elif block.language == 'yaml':
            self._read_yaml(block)
        elif block.language == 'json':
            json.loads(block.code)
        elif block.language == 'ini':
            configparser.ConfigParser(strict=False).read_string(block.code)
        else:
            raise Unexpected(f'nobody knows how to run {block.language}')

    def _run(self, command: str) -> tuple[str, int]:
        return self._shell.run(CONTROL.sub(self._control, command))

    def _type_commands(self, block: code_blocks.Block) -> None:
        commands = list(_commands(block.code))
        wanted = int(block.notes.get('status', '0'))
        for place, (command, shown) in enumerate(commands, 1):
            command = re.sub(r'<(\w+)>', r'"$\1"', command)
            out, status = self._run(command)
            if status != (wanted if place == len(commands) else 0):
                raise Unexpected(f'{command}\nexits with {status}:\n{out}')
            if command.startswith('curl') and _REFUSAL.search(out):
                raise Unexpected(f'{command}\nis refused:\n{out}')
            if shown and not _as_shown(shown).fullmatch(_plain(out)):
                raise Unexpected(f'{command}\nprints:\n{out}')
            named = re.search(r'-c (\w+)_id\b', command)
            if named and _ID.fullmatch(out.strip()):
                self._shell.run(f'{named[1]}={out.strip()}')

    def _type_python(self, block: code_blocks.Block) -> None:
        if re.search(r'^def test_|^@pytest', block.code, re.MULTILINE):
            name = f'test_{block.line}.py'
            (self._folder / name).write_text(block.code, 'utf-8')
            out, status = self._shell.run(
                f'{shlex.quote(sys.executable)} -m pytest -q {name}'
            )
            # 5: fixtures alone, which are read.
            if status not in (0, 5):
                raise Unexpected(out)
            return
        tree = ast.parse(block.code, str(self._path))
        ast.increment_lineno(tree, block.line - 1)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(tree, str(self._path), 'exec'), self._names)

    def _type_session(self, block: code_blocks.Block) -> None:
        test = self._parser.get_doctest(
            block.code, self._names, str(self._path), None, block.line - 1
        )
        said = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(test, out=said.write, clear_globs=False)
        if runner.failures:
            raise Unexpected(said.getvalue())

    def _read_yaml(self, block: code_blocks.Block) -> None:
        content = yaml.safe_load(block.code)
        for name in (content or {}).get('clouds', ()):
            clouds = self._folder / 'read.yaml'
            clouds.write_text(block.code, 'utf-8')
            found = config.OpenStackConfig(
                config_files=[str(clouds)], load_envvars=False
            )
            if name not in found.get_cloud_names():
                raise Unexpected(f'there is no cloud {name}')


def _commands(code: str) -> Iterator[tuple[str, str]]:
    """Give the commands of a block, and what is shown of their output."""
    has_prompts = code.startswith('$ ')
    command, shown, goes_on = '', '', False
    for line in code.rstrip().splitlines():
        if line.startswith('$ ') or (not has_prompts and not goes_on):
            if command:
                yield command, shown
            command, shown = line.removeprefix('$ '), ''
        elif goes_on:
            command += f'\n{line}'
        else:
            shown += f'{line}\n'
        goes_on = not shown and (
            line.endswith('\\') or command.count("'") % 2 == 1
        )
    if command:
        yield command, shown


def _plain(text: str) -> str:
    return '\n'.join(line.rstrip() for line in text.strip().splitlines())


def _as_shown(shown: str) -> re.Pattern[str]:
    """Return what output has to match to be what a page shows."""
    pattern, end = '', 0
    text = _plain(shown)
    for found in _VARYING.finditer(text):
        pattern += re.escape(text[end : found.start()]) + '.*?'
        end = found.end()
    return re.compile(pattern + re.escape(text[end:]), re.DOTALL)


def type_page(path: Path) -> list[dict[str, Any]]:
    """Return what goes wrong where a page is typed from top to bottom."""
    options: dict[str, Any] = {'job_seconds': 0.1}
    for block in code_blocks.blocks(path):
        options |= yaml.safe_load(block.notes.get('emulator', '{}'))
    with (
        tempfile.TemporaryDirectory() as home,
        EmulatorServer(**options) as server,
    ):
        folder = Path(home, 'here')
        folder.mkdir()
        clouds = server.clouds(access_keys=True)
        for name, there in CLOUDS.items():
            clouds['clouds'][name] = clouds['clouds'][there]
        clouds_file = Path(home, 'clouds.yaml')
        clouds_file.write_text(yaml.safe_dump(clouds), 'utf-8')
        for name in list(os.environ):
            # A bundle of its own is what rclone does not start with.
            if name.startswith('OS_') or name == 'AWS_CA_BUNDLE':
                del os.environ[name]
        os.environ |= summary.variables(server)
        os.environ |= {
            'OS_CLIENT_CONFIG_FILE': str(clouds_file),
            'OS_CLOUD': 'emulator',
            'HOME': home,
            'XDG_STATE_HOME': f'{home}/state',
            'NO_PROXY': '127.0.0.1,localhost',
            'CHECKOUT': str(code_blocks.ROOT),
            'PATH': os.pathsep.join(
                [
                    str(Path(sys.executable).parent),
                    programs.ENVIRONMENT['PATH'],
                ]
            ),
        }
        os.chdir(folder)
        return list(Page(path, folder, server).type())


def wrong_in(path: Path, folder: Path) -> list[str]:
    """Return what is wrong in a page, typed by a process of its own."""
    result = folder / 'result.json'
    done = subprocess.run(
        [sys.executable, __file__, str(path), str(result)],
        env={**os.environ, 'PYTHONPATH': str(code_blocks.ROOT)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return [
        f'{path.name}:{each["line"]}: {each["what"]}'
        for each in json.loads(result.read_text('utf-8'))
    ]


if __name__ == '__main__':
    page, result = map(Path, sys.argv[1:])
    Path(result).write_text(json.dumps(type_page(page)), 'utf-8')
