# SPDX-License-Identifier: Apache-2.0
"""The command ``ims-emulator``: serve until stopped, or for a command."""

import argparse
from collections.abc import Iterator, Sequence
import contextlib
import gc
import importlib.util
import ipaddress
import logging
import os
from pathlib import Path
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from types import FrameType
from typing import TYPE_CHECKING

import ims_ext
from ims_ext import extras
from ims_ext.emulator import clouds_file
from ims_ext.emulator import names
from ims_ext.emulator import options
from ims_ext.emulator import scenario_command
from ims_ext.emulator import summary

if TYPE_CHECKING:
    from ims_ext.emulator.server import EmulatorServer

LOG = logging.getLogger(__name__)

#: Where ``serve`` listens unless told otherwise, which is Glance's port; the
#: other services have the next ones.
PORT = 9292

_UNENCRYPTED = " and whose traffic is not encrypted"

_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
_INTERRUPTED = 130

#: What the actions handle.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    What it has done about signals is undone at its end.

    :param argv: The arguments; those of the process where not given.
    """
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        return _main(argv)
    except KeyboardInterrupt:
        # Before there is a command whose affair it would be.
        return _INTERRUPTED
    finally:
        for each, handler in before.items():
            if signal.getsignal(each) is not handler:
                signal.signal(each, handler)


def _main(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.WARNING, format='ims-emulator: %(message)s'
    )
    # It counts requests that wait for a moment among the warnings.
    logging.getLogger('waitress.queue').setLevel(logging.ERROR)
    try:
        return int(arguments.action(arguments))
    except EmulatorFailure as error:
        print(f'ims-emulator: {error}', file=sys.stderr)
        return 1


class EmulatorFailure(Exception):
    """Why there is no emulator, in one sentence for the user."""


def _lacking(extra: str, what: str) -> EmulatorFailure:
    # Not before it is needed: it takes longer than all the rest.
    from ims_ext import exceptions

    return EmulatorFailure(str(exceptions.MissingExtraError(extra, what)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='ims-emulator',
        description="An image service of the Huawei-family clouds, with "
        "identity and buckets, on this machine.",
    )
    _add_version(parser)
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    serve = actions.add_parser(
        'serve', help="run until stopped", description="Run until stopped."
    )
    options.add(serve, PORT)
    serve.add_argument(
        '--clouds-yaml',
        type=Path,
        metavar='FILE',
        help="a clouds.yaml to write as soon as the emulator is ready, and to "
        "remove at the end; one that is there is replaced if an emulator has "
        "written it",
    )
    serve.set_defaults(action=_serve)
    execute = actions.add_parser(
        'exec',
        help="run for as long as a command",
        usage='%(prog)s [options] -- COMMAND ...',
        description="Run a command with OS_CLOUD and a clouds.yaml for an "
        "emulator of its own, and exit with the command's code.",
    )
    options.add(execute, 0)
    execute.add_argument(
        'command',
        nargs=argparse.REMAINDER,
        metavar='COMMAND',
        help="the command with its arguments",
    )
    execute.set_defaults(action=_exec)
    show = actions.add_parser(
        'demo',
        help="show a disk image becoming an image, or a pipeline of images",
        description="Run an emulator, and in it the command that makes a "
        "disk image's file an active image. With the word 'pipeline': a "
        "manifest of images for two regions, planned, applied, promoted and "
        "retired while weeks go by.",
    )
    options.add(show, 0)
    show.add_argument(
        'file',
        nargs='?',
        metavar='FILE|pipeline',
        help="the disk image (default: a small one that is made for this), "
        "or 'pipeline' (a file of that name is './pipeline')",
    )
    show.set_defaults(action=_demo)
    scenario_command.add(actions)
    for action in actions.choices.values():
        _add_version(action)
    return parser


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--version',
        action='version',
        version=f'ims-emulator {ims_ext.__version__}',
    )


# ====== SERVE ======


def _serve(arguments: argparse.Namespace) -> int:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with contextlib.ExitStack() as stack:
            path = arguments.clouds_yaml
            if path is not None:
                clouds_file.check(path)
            server = stack.enter_context(_emulator(arguments))
            if path is not None:
                content = server.clouds(arguments.access_keys)
                stack.enter_context(clouds_file.written(path, content))
            print(summary.text(server, arguments.access_keys), flush=True)
            # What the start has made stays: nobody need look for its end.
            gc.freeze()
            stopped.wait()
    except clouds_file.CloudsFileError as error:
        raise EmulatorFailure(str(error)) from error
    return 0


# ====== EXEC ======


def _exec(arguments: argparse.Namespace) -> int:
    command = arguments.command
    if command[:1] == ['--']:
        command = command[1:]
    if not command:
        raise EmulatorFailure("exec needs a command: exec -- COMMAND ...")
    with (
        _emulator(arguments) as server,
        _clouds_file(server, arguments.access_keys) as path,
    ):
        return _run(command, _environment(arguments, path, server))


@contextlib.contextmanager
def _clouds_file(
    server: 'EmulatorServer', access_keys: bool
) -> Iterator[Path]:
    """Write a clouds.yaml that only this user can read, for a while."""
    import yaml

    with tempfile.TemporaryDirectory(prefix='ims-emulator-') as directory:
        path = Path(directory, 'clouds.yaml')
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(server.clouds(access_keys)), 'utf-8')
        yield path


def _environment(
    arguments: argparse.Namespace, path: Path, server: 'EmulatorServer'
) -> dict[str, str]:
    """Return the environment that makes a client use the emulator."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    environment['OS_CLIENT_CONFIG_FILE'] = str(path)
    environment['OS_CLOUD'] = 'emulator'
    # A proxy that the user needs elsewhere cannot reach this machine.
    for name in ('NO_PROXY', 'no_proxy'):
        hosts = [environment.get(name, ''), '127.0.0.1']
        hosts += sorted(server.addresses.domains)
        environment[name] = ','.join(filter(None, hosts))
    if server.cacert is not None:
        # Those that have effect on such clients only, or that add to what is
        # trusted.
        environment['AWS_CA_BUNDLE'] = str(server.cacert)
        environment['NODE_EXTRA_CA_CERTS'] = str(server.cacert)
    if arguments.access_keys:
        environment |= summary.variables(server)
    return environment


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run a command to its end and return its code, as shells do."""
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    # A terminal sends Ctrl-C to the command itself, too: it decides.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGHUP, forward)
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603
    except FileNotFoundError:
        print(f'ims-emulator: {command[0]}: not found', file=sys.stderr)
        return _NOT_FOUND
    except OSError as error:
        print(f'ims-emulator: {command[0]}: {error.strerror}', file=sys.stderr)
        return _NOT_EXECUTABLE
    for number in early:
        process.send_signal(number)
    code = process.wait()
    return code if code >= 0 else 128 - code


# ====== DEMO ======


def _demo(arguments: argparse.Namespace) -> int:
    if not importlib.util.find_spec('openstackclient'):
        raise _lacking('cli', "The demonstration")
    # As it was typed: './pipeline' is a file.
    if arguments.file == 'pipeline':
        return _demo_pipeline(arguments)
    with (
        _emulator(arguments) as server,
        _clouds_file(server, arguments.access_keys) as path,
    ):
        from ims_ext.emulator.demo import image
        from ims_ext.emulator.work.empty_disk import write_empty_disk

        if arguments.file is None:
            disk = path.with_name('sample.qcow2')
            write_empty_disk(disk)
        else:
            disk = Path(arguments.file)
        return _openstack(
            image.command(disk), _environment(arguments, path, server)
        )


def _demo_pipeline(arguments: argparse.Namespace) -> int:
    if not importlib.util.find_spec('taskflow'):
        raise _lacking('pipeline', "The demonstration of a pipeline")
    from ims_ext.emulator.demo import pipeline

    arguments.regions = arguments.regions or list(pipeline.REGIONS)
    with (
        _emulator(arguments) as server,
        _clouds_file(server, arguments.access_keys) as path,
    ):
        # It stays, for the report is read afterwards.
        folder = Path(tempfile.mkdtemp(prefix='ims-pipeline-'))
        environment = _environment(arguments, path, server)
        environment['XDG_STATE_HOME'] = str(folder / 'state')
        demo = pipeline.PipelineDemo(
            folder,
            lambda words: _openstack(words, environment),
            server.clock,
        )
        return demo.play()


def _openstack(words: Sequence[str], environment: dict[str, str]) -> int:
    """Say and run a command of ``openstack``; return its code."""
    print(f"$ openstack {shlex.join(words)}", flush=True)
    return _run(
        [sys.executable, '-m', 'openstackclient.shell', *words], environment
    )


# ====== ALL ======


@contextlib.contextmanager
def _emulator(arguments: argparse.Namespace) -> Iterator['EmulatorServer']:
    """Run an emulator as the arguments say."""
    try:
        from ims_ext.emulator.control.request_log import LogWriter
        from ims_ext.emulator.scenario import ScenarioError
        from ims_ext.emulator.server import EmulatorServer
        from ims_ext.emulator.server import PortError
        from ims_ext.emulator.service import SettingError
        from ims_ext.emulator.state import StateError
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        raise _lacking('emulator', "The emulator") from error
    if not ipaddress.ip_address(arguments.host).is_loopback:
        print(
            f"ims-emulator: WARNING: listening on {arguments.host}: anybody "
            "who reaches this machine can use the emulator, whose passwords "
            f"are public{'' if arguments.tls else _UNENCRYPTED}",
            file=sys.stderr,
        )
    try:
        server = EmulatorServer(
            host=arguments.host,
            port=arguments.port,
            bucket_port=arguments.bucket_port,
            ports=dict(arguments.service_ports),
            domain=arguments.domain,
            public_url=arguments.public_url,
            tls=arguments.tls,
            state_dir=arguments.state,
            job_seconds=arguments.job_seconds,
            delays=options.delays(arguments),
            users=arguments.users,
            regions=arguments.regions,
            image_quota=arguments.image_quota,
            glance=arguments.glance,
            import_hosts=arguments.import_hosts,
            faults=arguments.faults,
            fault_seed=arguments.fault_seed,
            seed=arguments.seed,
            scenario=arguments.scenario,
            like=arguments.like,
            control_port=arguments.control_port,
        )
        if arguments.log:
            is_json = arguments.log == 'json'
            server.requests.listeners.append(LogWriter(as_json=is_json))
        server.start()
    except (PortError, ScenarioError, SettingError, StateError) as error:
        raise EmulatorFailure(str(error)) from error
    try:
        advice = names.advice(server) if server.addresses.has_names else None
        if advice and arguments.public_url is None:
            LOG.warning("%s", advice)
        yield server
    finally:
        server.stop()


if __name__ == '__main__':
    sys.exit(main())
