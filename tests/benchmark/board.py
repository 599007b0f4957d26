# SPDX-License-Identifier: Apache-2.0
"""Pipelines on many machines: what workers and Redis take for an item."""

from collections.abc import Iterator
import os
from pathlib import Path
import threading
import time
from typing import Any

from . import simulation
from .board_site import BoardSite
from .board_site import board_site
from .board_site import redis_told
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import usage
from .pipeline import cloud_process
from .table import Row
from .table import compared
from .table import limited

#: Targets of an apply, and places of what is posted alone.
_TARGETS, _PLACES = 2, 10
#: Seconds that a job takes, and until the emulator answers.
_JOB, _ANSWER = 4.0, 0.01
#: Seconds for which nothing is done, to see what that takes.
_IDLE = 5.0
#: Workers where targets have no room, and the images that these make at a
#: time unless a manifest says otherwise.
_FULL, _IMPORTS = 4, 5
#: Workers that claim what is posted alone, in threads of one process, and
#: how much of it they do before what they take is looked at.
_CLAIMING, _SHARE = 20, 10
#: Seconds in which an item has to be claimed.
_PATIENCE = 120.0


# ====== IN PROCESSES OF THEIR OWN ======


def apply(folder: str, url: str) -> Measurement:
    """Have the workers of a board apply a manifest."""
    os.environ['OS_CLIENT_CONFIG_FILE'] = f'{folder}/clouds.yaml'
    os.environ['XDG_STATE_HOME'] = f'{folder}/state'
    from ims_ext.pipeline import Manifest
    from ims_ext.pipeline import engine
    from ims_ext.pipeline.board import address
    from ims_ext.pipeline.board.store import Board
    from ims_ext.pipeline.run import Run

    engine.load()
    began, before = time.perf_counter(), usage()[0]
    manifest = Manifest.load(Path(folder) / 'm.yaml', {})
    with (
        Board(address.parse(url)) as board,
        Run(manifest, board=board) as run,
    ):
        outcome = run.apply()
    assert outcome.exit_code == 0, outcome.failed[:3]
    return {
        'wall': time.perf_counter() - began,
        'cpu': usage()[0] - before,
        'made': len(outcome.done),
    }


def claim(url: str, items: int) -> Measurement:
    """Post items, and have many workers claim them that do nothing else."""
    from ims_ext.pipeline.board import address
    from ims_ext.pipeline.board.store import Board

    with Board(address.parse(url)) as board:
        told, before = redis_told(board.client), usage()[0]
        for number in range(items):
            task = _task(number)
            board.items.begin(task, time.time())
            board.items.post(task)
        posted = redis_told(board.client)
        found = {
            'post_cpu': (usage()[0] - before) / items,
            'post_redis': (posted['cpu'] - told['cpu']) / items,
            'posted': (posted['memory'] - told['memory']) / items,
        }
        boards = [Board(address.parse(url)) for _ in range(_CLAIMING)]
        wanted = max(1, items // _SHARE)
        before, told = usage()[0], redis_told(board.client)
        began = time.perf_counter()
        _claim(boards, wanted)
        wall = time.perf_counter() - began
        done = redis_told(board.client)
        for each in boards:
            each.close()
    return {
        **found,
        'claim_cpu': (usage()[0] - before) / wanted,
        'claim_redis': (done['cpu'] - told['cpu']) / wanted,
        'claim_wall': wall / wanted,
    }


def _task(number: int) -> Any:
    """Return a task as an apply posts it."""
    from ims_ext.pipeline.board import data
    from ims_ext.pipeline.board import store
    from ims_ext.pipeline.planning.model import Action
    from ims_ext.pipeline.planning.model import Item
    from ims_ext.pipeline.planning.model import Kind

    place = f'{number % _PLACES}'
    item = Item(f'app{number}', '20261120', f'target-{place}')
    action = Action(Kind.MAKE, item, "it is not there")
    return data.Task(
        'platform',
        '20261120T120000-00000000',
        'b' * 64,
        '2026-11-20',
        3600.0,
        f'cloud/region-{place}/project',
        'd' * 64,
        ((action, store.new_token()),),
    )


def _claim(boards: list[Any], wanted: int) -> None:
    """Have workers claim so many items, whose work is none."""
    from ims_ext.pipeline.board.worker import Worker

    done = threading.Semaphore(0)

    class Idle(Worker):
        def _do(
            self,
            job: Any,
            task: Any,
            taken: Any,
            held: Any,
            holdings: Any,
            workshop: Any,
        ) -> None:
            for action, token in task.actions:
                self._board.items.write(
                    task.pipeline, action.id, token, state='done'
                )
            self._consume(job, held, holdings)
            done.release()

    workers = [Idle(each) for each in boards]
    threads = [
        threading.Thread(target=each.run, daemon=True) for each in workers
    ]
    for thread in threads:
        thread.start()
    for _ in range(wanted):
        assert done.acquire(timeout=_PATIENCE), "nothing is claimed"
    for worker in workers:
        worker.stop()
    for thread in threads:
        thread.join()


# ====== COMPARED ======


@benchmark
def pipeline_workers(bench: Bench) -> Iterator[Row]:
    """Make images at two targets with 1, 2, 4 and 8 workers of a board."""
    images = bench.sizes.board_images
    for number in bench.sizes.board_workers:
        found = _applied(bench, number, images, is_unlimited=True)
        items = found['made']
        work = f"{images} images at {_TARGETS} targets, {number} workers"
        yield limited(work, "items a second", items / found['wall'], '', None)
        for measure, key in (
            ("CPU of the workers an item", 'workers'),
            ("CPU of the apply an item", 'cpu'),
            ("CPU of Redis an item", 'redis'),
            ("CPU of the emulator an item", 'cloud'),
        ):
            shown = found[key] / items * 1000
            yield limited(work, measure, shown, 'ms', None)
        commands = found['commands'] / items
        yield limited(work, "commands an item", commands, '', None)
        yield limited(
            work, "CPU of an idle worker", found['idle'] * 1000, 'ms/s', None
        )
        yield limited(
            work,
            "commands of an idle worker",
            found['idle_commands'],
            '/s',
            None,
        )


def _applied(
    bench: Bench, number: int, images: int, **settings: Any
) -> dict[str, float]:
    """Apply with so many workers.

    :param number: How many.
    :param images: Images at each target.
    :param settings: The emulator's.
    """
    with cloud_process(bench, images, _TARGETS, **settings) as cloud:
        folder = str(cloud.folder)
        environment = {'OS_CLIENT_CONFIG_FILE': f'{folder}/clouds.yaml'}
        state = cloud.folder / f'workers-{number}'
        with board_site(state, environment) as site:
            site.start(number)
            idle = _idle(site)
            worker = bench.worker(apply, folder=folder, url=site.redis.url)
            before, told = site.workers_cpu(), site.told()
            served = cloud.cpu()
            measured = worker()
            served = cloud.cpu() - served
            after, cpu = site.told(), site.workers_cpu() - before
    return {
        **measured,
        'workers': cpu,
        'cloud': served,
        'redis': after['cpu'] - told['cpu'],
        'commands': after['commands'] - told['commands'],
        'idle': idle['cpu'] / number,
        'idle_commands': idle['commands'] / number,
    }


def _idle(site: BoardSite) -> dict[str, float]:
    """Return what the workers take in a second while there is nothing."""
    before, told = site.workers_cpu(), site.told()
    time.sleep(_IDLE)
    after, cpu = site.told(), site.workers_cpu() - before
    return {
        'cpu': cpu / _IDLE,
        'redis': (after['cpu'] - told['cpu']) / _IDLE,
        'commands': (after['commands'] - told['commands']) / _IDLE,
    }


@benchmark
def pipeline_model(bench: Bench) -> Iterator[Row]:
    """Make images by jobs of 4 s, five at a time, beside the model."""
    images = bench.sizes.modelled_images
    for number in bench.sizes.board_workers:
        found = _applied(bench, number, images, job_seconds=_JOB)
        setting = simulation.Setting(
            workers=number,
            items=images * _TARGETS,
            targets=_TARGETS,
            job=_JOB,
            answer=_ANSWER,
        )
        modelled = simulation.Model(setting, simulation.Costs()).run()
        yield compared(
            f"{images} images, jobs of {_JOB:g} s, {number} workers",
            "items a second",
            '',
            found['made'] / found['wall'],
            "the model",
            setting.items / modelled.seconds,
        )


@benchmark
def pipeline_full(bench: Bench) -> Iterator[Row]:
    """Have workers wait where two targets make as many as they may."""
    images = bench.sizes.board_images
    with cloud_process(bench, images, _TARGETS, job_seconds=3600) as cloud:
        folder = str(cloud.folder)
        environment = {'OS_CLIENT_CONFIG_FILE': f'{folder}/clouds.yaml'}
        with (
            board_site(cloud.folder / 'workers', environment) as site,
            bench.starting(apply, folder=folder, url=site.redis.url),
        ):
            site.start(_FULL)
            _wait_until_full(site, _TARGETS * min(images, _IMPORTS))
            found = _idle(site)
    work = f"{_TARGETS} targets that have no room, {_FULL} workers"
    for measure, value, unit in (
        ("CPU of the workers", found['cpu'] * 1000, 'ms/s'),
        ("CPU of Redis", found['redis'] * 1000, 'ms/s'),
        ("commands", found['commands'], '/s'),
    ):
        yield limited(work, measure, value, unit, None)


def _wait_until_full(site: BoardSite, number: int) -> None:
    """Wait until so many images are made, and others have been tried."""
    from ..functional import boards

    def making() -> int:
        states = [each.get('state') for each in site.board.items.all()]
        return states.count('waiting')

    boards.wait_until(lambda: making() == number)
    time.sleep(_IDLE)


@benchmark
def pipeline_board(bench: Bench) -> Iterator[Row]:
    """Post 10,000 items, and have 20 workers claim from them."""
    items = bench.sizes.board_items
    with board_site(bench.directory / 'board', {}) as site:
        worker = bench.worker(claim, url=site.redis.url, items=items)
        found = bench.alternate({'ours': worker}, 1)['ours']
    work = f"{items:,} items on a board"
    yield limited(work, "memory of Redis an item", found['posted'], 'B', None)
    for measure, key in (
        ("CPU of who posts, an item", 'post_cpu'),
        ("CPU of Redis, an item posted", 'post_redis'),
        (f"CPU of {_CLAIMING} workers, an item claimed", 'claim_cpu'),
        ("CPU of Redis, an item claimed", 'claim_redis'),
        ("wall time, an item claimed", 'claim_wall'),
    ):
        yield limited(work, measure, found[key] * 1000, 'ms', None)
