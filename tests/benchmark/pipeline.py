# SPDX-License-Identifier: Apache-2.0
"""Pipelines: what planning, applying and waiting cost beside the clouds."""

from collections.abc import Iterator, Mapping
from concurrent import futures
import contextlib
import json
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any

from . import client
from .harness import CHECKOUT
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import control
from .harness import usage
from .table import Row
from .table import compared
from .table import limited

#: Targets of a plan, each a project of its own.
_TARGETS = 10
#: Targets of an apply.
_APPLIED_TARGETS = 2


# ====== IN PROCESSES OF THEIR OWN ======


def _run(folder: str, **options: Any) -> Any:
    """Return a run of the manifest in a folder."""
    os.environ['OS_CLIENT_CONFIG_FILE'] = f'{folder}/clouds.yaml'
    os.environ['XDG_STATE_HOME'] = f'{folder}/state'
    from ims_ext.pipeline import Manifest
    from ims_ext.pipeline.run import Run

    return Run(Manifest.load(Path(folder) / 'm.yaml', {}), **options)


def plan(folder: str) -> Measurement:
    """Plan where there is nothing to do, from the manifest's file on."""
    from ims_ext.pipeline import planning

    began, before = time.perf_counter(), usage()[0]
    with _run(folder) as run:
        seen = run.look()
        looked = usage()[0]
        plan = planning.make(run.manifest, seen)
        after, peak = usage()
    assert not plan.changes, plan.changes[:3]
    assert not plan.unseen, plan.unseen
    return {
        'wall': time.perf_counter() - began,
        'cpu': after - before,
        'compare': after - looked,
        'peak': peak,
    }


def apply(folder: str) -> Measurement:
    """Apply a manifest to clouds that have nothing."""
    from ims_ext.pipeline import engine

    engine.load()
    began, before = time.perf_counter(), usage()[0]
    uploaded = began

    def tell(kind: str, /, **fields: Any) -> None:
        nonlocal uploaded
        if kind == 'step.done' and fields['step'] == 'upload':
            uploaded = time.perf_counter()

    with _run(folder, tell=tell) as run:
        outcome = run.apply()
    assert outcome.exit_code == 0, outcome.failed[:3]
    return {
        'uploaded': uploaded - began,
        'wall': time.perf_counter() - began,
        'cpu': usage()[0] - before,
        'made': len(outcome.done),
    }


def make_alone(folder: str, number: int, targets: int) -> Measurement:
    """Make the same images with the library alone, one after the other."""
    os.environ['OS_CLIENT_CONFIG_FILE'] = f'{folder}/clouds.yaml'
    import ims_ext
    from ims_ext.objectstore import ObjectStore

    before = usage()[0]
    for target in range(targets):
        with ims_ext.connect('alice', project_name=f'p{target}') as conn:
            store = ObjectStore(conn)
            jobs = []
            for each in range(number):
                key = f'disk-{each}.qcow2'
                store.upload(
                    Path(folder) / 'disk.qcow2', f'bucket-{target}', key
                )
                jobs.append(
                    conn.ims.create_image_from_object(
                        f'bucket-{target}:{key}',
                        f'alone{each}-1',
                        1,
                        os_version='Ubuntu 18.04 server 64bit',
                        tags={'a': 'b', 'c': 'd', 'e': 'f'},
                    )
                )
            for _ in conn.ims.wait_for_jobs(jobs):
                pass
            for each in range(number):
                store.delete(f'bucket-{target}', f'disk-{each}.qcow2')
    return {'cpu': usage()[0] - before}


def import_alone(folder: str, targets: int) -> Measurement:
    """Upload a file to all targets and import it, all at a time."""
    os.environ['OS_CLIENT_CONFIG_FILE'] = f'{folder}/clouds.yaml'
    import ims_ext
    from ims_ext.objectstore import ObjectStore

    def one(target: int) -> float:
        bucket = f'bucket-{target}'
        with ims_ext.connect('alice', project_name=f'p{target}') as conn:
            store = ObjectStore(conn)
            store.upload(Path(folder) / 'disk.qcow2', bucket, 'alone')
            uploaded = time.perf_counter()
            conn.ims.wait_for_job(
                conn.ims.create_image_from_object(
                    f'{bucket}:alone',
                    'alone',
                    1,
                    os_version='Ubuntu 18.04 server 64bit',
                )
            )
            store.delete(bucket, 'alone')
        return uploaded

    began = time.perf_counter()
    with futures.ThreadPoolExecutor(targets) as pool:
        uploaded = max(pool.map(one, range(targets)))
    return {
        'uploaded': uploaded - began,
        'wall': time.perf_counter() - began,
    }


def wait(number: int, shortest: float, longest: float) -> Measurement:
    """Wait for jobs of one target as a run does."""
    from ims_ext import sdk
    from ims_ext.extension.job import Job
    from ims_ext.pipeline import watching
    from ims_ext.pipeline.manifest import model
    from ims_ext.pipeline.pace import Paces

    conn = client.connect()
    # As an apply limits the requests to a target.
    sdk.pace(conn.ims, Paces()(model.Target('de', 'ours')))
    step = (longest - shortest) / max(number - 1, 1)
    seconds = [shortest + step * each for each in range(number)]
    settings = {'seconds': seconds, 'told': True}
    late: list[float] = []
    failed: list[BaseException] = []
    over = threading.Semaphore(0)
    threads = 0
    with client.measured() as found:
        ends: dict[str, Any] = control(client.url(), 'jobs', settings)
        watcher = watching.Watcher()

        def watch(job_id: str, end: float) -> None:
            def ended(error: BaseException | None) -> None:
                late.append(time.monotonic() - end)
                if error is not None:
                    failed.append(error)
                over.release()

            job = Job.existing(id=job_id, connection=conn)
            watcher.watch(watching.WatchedJob(conn.ims, job, 3600), ended)

        for job_id, end in ends.items():
            watch(job_id, end)
        for _ in ends:
            while not over.acquire(timeout=0.5):
                threads = max(threads, threading.active_count())
        watcher.close()
    assert failed == []
    return {
        **found,
        'threads': max(threads, threading.active_count()),
        'latest': max(late),
        'peak': usage()[1],
    }


# ====== THE CLOUD ======


class CloudProcess:
    """An emulator in a process of its own, and what is used with it."""

    def __init__(self, folder: Path, process: 'subprocess.Popen[str]') -> None:
        self.folder = folder
        self._process = process

    def cpu(self) -> float:
        """Return the emulator's processor time, in seconds."""
        import psutil

        found = psutil.Process(self._process.pid).cpu_times()
        return float(found.user + found.system)

    def counts(self) -> Mapping[str, int]:
        """Return the requests since this was asked for last."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def cloud_process(
    bench: Bench,
    images: int,
    targets: int,
    *,
    is_made: bool = False,
    source_mib: int = 0,
    is_unlimited: bool = False,
    job_seconds: float = 0,
) -> Iterator[CloudProcess]:
    """Serve projects for a manifest.

    :param images: Images of the manifest.
    :param targets: Targets, each with a project of its own.
    :param is_made: Whether the images are there.
    :param source_mib: How large a source from the web is; 0 for small files.
    :param is_unlimited: Whether the targets allow whatever can be done.
    :param job_seconds: How long jobs take.
    """
    folder = bench.directory / f'pipeline-{images}-{targets}'
    folder.mkdir(exist_ok=True)
    what = {
        'images': images,
        'targets': targets,
        'is_made': is_made,
        'source_mib': source_mib,
        'is_unlimited': is_unlimited,
        'job_seconds': job_seconds,
    }
    with subprocess.Popen(
        [
            *(sys.executable, '-m', f'{__package__}.pipeline_cloud'),
            *(str(folder), json.dumps(what)),
        ],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == 'ready'
            yield CloudProcess(folder, process)
        finally:
            process.stdin.close()


# ====== COMPARED ======


@benchmark
def pipeline_plan(bench: Bench) -> Iterator[Row]:
    """Plan 1,000 images at 10 targets where there is nothing to do."""
    images = bench.sizes.pipeline_images
    with cloud_process(bench, images, _TARGETS, is_made=True) as cloud:
        worker = bench.worker(plan, folder=str(cloud.folder))

        def measure() -> Measurement:
            cloud.counts()
            return {**worker(), 'asked': cloud.counts()['GET image']}

        found = bench.alternate({'ours': measure}, bench.seldom)['ours']
    work = f"plan {images:,} images at {_TARGETS} targets"
    yield limited(work, "wall time", found['wall'], 's', 20)
    yield limited(work, "CPU", found['cpu'], 's', None)
    yield limited(work, "CPU of the comparison", found['compare'], 's', 2)
    yield limited(work, "memory", found['peak'], 'MiB', 300)
    # The version of the service, the quotas, and a list in pages of 1,000.
    a_target = found['asked'] / _TARGETS
    yield limited(work, "requests a target", a_target, '', 4)


@benchmark
def pipeline_apply(bench: Bench) -> Iterator[Row]:
    """Make images at two targets, beside making them with the library."""
    images, targets = bench.sizes.applied_images, _APPLIED_TARGETS

    def measure(function: Any, **more: Any) -> Measurement:
        with cloud_process(bench, images, targets) as cloud:
            folder = str(cloud.folder)
            return bench.worker(function, folder=folder, **more)()

    found = bench.alternate(
        {
            'ours': lambda: measure(apply),
            'alone': lambda: measure(
                make_alone, number=images, targets=targets
            ),
        },
        bench.seldom,
    )
    made = images * targets
    ours, alone = (
        found[each]['cpu'] / made * 1000 for each in ('ours', 'alone')
    )
    work = f"apply {images} images at {targets} targets"
    yield limited(work, "CPU an image and target", ours, 'ms', None)
    yield limited(
        work, "the same beyond the library's", ours - alone, 'ms', 20
    )


@benchmark
def pipeline_wait(bench: Bench) -> Iterator[Row]:
    """Wait for 500 jobs of one target, as an apply does."""
    number = bench.sizes.pipeline_jobs
    worker = bench.worker(
        wait,
        number=number,
        shortest=bench.sizes.shortest_job * 30,
        longest=bench.sizes.longest_job * 12,
    )
    found = bench.alternate({'ours': worker}, 1)['ours']
    work = f"wait for {number} jobs of a pipeline"
    yield limited(work, "threads", found['threads'], '', 64)
    yield limited(work, "memory", found['peak'], 'MiB', 300)
    yield limited(work, "most requests in 1 s", found['most_a_second'], '', 40)
    yield limited(work, "latest end seen after", found['latest'], 's', 15)
    yield limited(work, "CPU", found['cpu'], 's', None)


@benchmark
def pipeline_source(bench: Bench) -> Iterator[Row]:
    """Bring 1 GiB from the web to 10 targets, beside its imports alone."""
    mib = bench.sizes.source_mib

    def measure(function: Any, **more: Any) -> Measurement:
        with cloud_process(bench, 1, _TARGETS, source_mib=mib) as cloud:
            # What was written before is not to be waited for.
            os.sync()
            worker = bench.worker(function, folder=str(cloud.folder), **more)
            return {**worker(), 'read': cloud.counts().get('GET source', 0)}

    found = bench.alternate(
        {
            'ours': lambda: measure(apply),
            'alone': lambda: measure(import_alone, targets=_TARGETS),
        },
        1,
    )
    work = f"apply a source of {mib} MiB to {_TARGETS} targets"
    yield limited(work, "times it is read", found['ours']['read'], '', 1)
    for measure_name, key, beside in (
        ("time until it is uploaded", 'uploaded', "its uploads alone"),
        ("wall time", 'wall', "its uploads and imports alone"),
    ):
        yield compared(
            work,
            measure_name,
            's',
            found['ours'][key],
            beside,
            found['alone'][key],
            at_most=1.2,
        )
