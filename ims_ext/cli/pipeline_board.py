# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline worker``, ``workers`` and ``item list``."""

import argparse
from collections.abc import Iterator
import contextlib
import datetime
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from ims_ext import exceptions
from ims_ext.cli import command
from ims_ext.cli import pipeline_command

if TYPE_CHECKING:
    from ims_ext.pipeline.board.store import Board
    from ims_ext.pipeline.board.worker import Worker

#: Items that one worker does at a time, at most.
_MOST_THREADS = 64

_WORKERS = (
    'Worker',
    'Host',
    'User',
    'Process',
    'Since',
    'Version',
    'State',
    'Threads',
    'Doing',
)
_ITEMS = (
    'Pipeline',
    'Action',
    'Image',
    'Version',
    'Target',
    'State',
    'Worker',
    'Since',
    'Image ID',
    'Code',
    'Reason',
)


class RunWorker(pipeline_command.PipelineCommand):
    """Do what others have put on a board, until it is stopped.

    The clouds are those of this machine's clouds.yaml: the board has no
    credentials. On SIGTERM or Ctrl-C it claims nothing any more, and ends
    when what it does is done; pressed twice, it ends at once, and others go
    on with what it had.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_board(parser, is_required=True)
        parser.add_argument(
            '--threads',
            metavar='<number>',
            type=_threads,
            default=8,
            help="Items at a time (default: 8)",
        )
        parser.add_argument(
            '--expiry',
            metavar='<seconds>',
            type=command.positive_number,
            default=30.0,
            help="Seconds until other workers go on with the items of this "
            "one when it tells nothing any more (default: 30)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.board.errors import BoardError
        from ims_ext.pipeline.board.worker import Worker

        if parsed_args.expiry < 2:
            raise exceptions.ValidationError("--expiry is 2 seconds or more")
        with open_board(parsed_args.board) as board:
            worker = Worker(
                board,
                threads=parsed_args.threads,
                expiry=parsed_args.expiry,
                say=_say,
            )
            _say(f"Worker {worker.name} is at {board.address}")
            with _drained(worker):
                try:
                    worker.run()
                except BoardError as error:
                    _say(str(error))
                    return 5
        _say(f"Worker {worker.name} has ended")
        return 0


class ListWorker(pipeline_command.PipelineCommand, command.Lister):
    """List the workers that are at a board, and what each does.

    Shows Worker, Host, User, Process, Since, Version, State (working or
    draining), Threads and Doing.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_board(parser, is_required=True)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        with open_board(parsed_args.board) as board:
            workers = board.workers()
        return _WORKERS, [
            (
                each['worker'],
                each.get('host'),
                each.get('user'),
                _number(each.get('process')),
                _moment(each.get('since')),
                each.get('version'),
                each.get('state'),
                _number(each.get('threads')),
                each.get('doing'),
            )
            for each in workers
        ]


class ListItem(pipeline_command.PipelineCommand, command.Lister):
    """List the items of a board, the latest first, failed ones included.

    Shows Pipeline, Action, Image, Version, Target, State (posted, running,
    waiting, done, failed, skipped or postponed), Worker, Since, Image ID,
    Code and Reason. Items that are over are forgotten after a week.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_board(parser, is_required=True)
        parser.add_argument(
            '--state',
            metavar='<state>',
            action='append',
            help="Items in this state alone (repeat for several)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        with open_board(parsed_args.board) as board:
            items = board.items.all()
        return _ITEMS, [
            (
                each.get('pipeline'),
                each.get('action'),
                each.get('image'),
                each.get('version'),
                each.get('target'),
                each.get('state'),
                each.get('worker'),
                _moment(each.get('since')),
                each.get('image_id') or None,
                each.get('code'),
                each.get('reason'),
            )
            for each in items
            if parsed_args.state is None
            or each.get('state') in (parsed_args.state)
        ]


def add_board(
    parser: argparse.ArgumentParser, is_required: bool = False
) -> None:
    """Add the option that names a board."""
    parser.add_argument(
        '--board',
        metavar='<url>',
        required=is_required,
        help="Board in Redis: redis://[user@]host[:port][/number], rediss:// "
        "with TLS, or unix:///socket; the password is taken from the variable "
        "IMS_EXT_BOARD_PASSWORD",
    )


@contextlib.contextmanager
def open_board(url: str) -> 'Iterator[Board]':
    """Give a board that is open.

    :param url: Its address.
    """
    from ims_ext.pipeline.board import address
    from ims_ext.pipeline.board.store import Board

    where = address.parse(url)
    if where.is_open:
        _say(
            f"{where} is reached without TLS: what goes there can be read and "
            "changed on its way; rediss:// is with TLS"
        )
    with Board(where, _say) as board:
        yield board


def lost_errors() -> tuple[type[Exception], ...]:
    """Return what is raised where a board has not answered for too long."""
    from ims_ext.pipeline.board.errors import BoardLostError

    return (BoardLostError,)


@contextlib.contextmanager
def _drained(worker: 'Worker') -> Iterator[None]:
    """Have the first signal drain a worker, and the second end it."""
    before = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM)
    }

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, _end_now)
        _say("Draining: what runs comes to its end; again ends it now")
        threading.Thread(target=worker.stop).start()

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_now(number: int, frame: FrameType | None) -> None:
    sys.stderr.flush()
    os._exit(130)


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_THREADS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number from 1 to {_MOST_THREADS}"
        )
    return int(text)


def _say(text: str) -> None:
    print(exceptions.readable(text, 500), file=sys.stderr, flush=True)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _moment(text: str | None) -> str | None:
    try:
        when = datetime.datetime.fromtimestamp(float(text or ''), datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f'{when:%Y-%m-%dT%H:%M:%SZ}'
