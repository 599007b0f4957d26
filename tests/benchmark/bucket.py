# SPDX-License-Identifier: Apache-2.0
"""The emulator's buckets beside moto's server, each a process of its own."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import io
import json
from pathlib import Path
import socket
import subprocess
import sys
import time
from typing import Any

from .harness import CHECKOUT
from .harness import MIB
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import needs
from .table import Row
from .table import compared

#: Small objects that are written, read and listed.
_COUNT = 100
_PART = 16 * MIB

#: The emulator, told to say where its buckets are, and how to get in.
_EMULATOR = """
import json, sys
from ims_ext.emulator.server import EmulatorServer
with EmulatorServer() as server:
    cloud = server.clouds(access_keys=True)['clouds']['alice']
    print(json.dumps([server.bucket_url, cloud['ak'], cloud['sk']]))
    sys.stdout.flush()
    sys.stdin.read()
"""


@dataclasses.dataclass
class Store:
    """An object store to measure.

    :ivar client: boto3's client of it.
    :ivar process: Its process, as psutil has it.
    """

    client: Any
    process: Any

    def cost(self, work: Callable[[], object], count: int) -> float:
        """Return the server's processor time for one of some requests, ms."""
        before = self.process.cpu_times()
        work()
        after = self.process.cpu_times()
        spent = after.user + after.system - before.user - before.system
        return float(spent / count * 1000)

    def measure(self, size: int) -> Measurement:
        """Measure small requests and a large object.

        :param size: Bytes of the large object.
        """
        import psutil

        keys = [f'small/{number}' for number in range(_COUNT)]
        which = {'Bucket': 'benchmark'}
        found: Measurement = {}

        def put() -> None:
            for key in keys:
                self.client.put_object(**which, Key=key, Body=b'x' * 1000)

        def get() -> None:
            for key in keys:
                self.client.get_object(**which, Key=key)['Body'].read()

        def listed() -> None:
            for _ in range(_COUNT // 10):
                self.client.list_objects_v2(**which, Prefix='small/')

        put()
        found['put'] = self.cost(put, _COUNT)
        found['get'] = self.cost(get, _COUNT)
        found['list'] = self.cost(listed, _COUNT // 10)
        found['up'], found['down'] = self.transfer(size)
        if psutil.LINUX:
            found['peak'] = self.peak
        return found

    @property
    def peak(self) -> float:
        """The most memory that the server has had, in MiB."""
        status = Path(f'/proc/{self.process.pid}/status')
        lines = status.read_text('ascii').splitlines()
        (peak,) = (ln for ln in lines if ln.startswith('VmHWM'))
        return int(peak.split()[1]) / 1024

    def transfer(self, size: int) -> tuple[float, float]:
        """Send a large object in parts, and get it; return MiB a second.

        :param size: Its bytes.
        """
        which = {'Bucket': 'benchmark'}
        began = time.perf_counter()
        self._upload(size)
        up = size / MIB / (time.perf_counter() - began)
        began = time.perf_counter()
        body = self.client.get_object(**which, Key='large')['Body']
        received = sum(len(chunk) for chunk in body.iter_chunks(MIB))
        down = size / MIB / (time.perf_counter() - began)
        assert received == size, "not everything came back"
        return up, down

    def _upload(self, size: int) -> None:
        which = {'Bucket': 'benchmark', 'Key': 'large'}
        begun = self.client.create_multipart_upload(**which)
        which['UploadId'] = begun['UploadId']
        parts = []
        for number, start in enumerate(range(0, size, _PART), 1):
            body = io.BytesIO(bytes(min(_PART, size - start)))
            sent = self.client.upload_part(
                **which, PartNumber=number, Body=body
            )
            parts.append({'PartNumber': number, 'ETag': sent['ETag']})
        self.client.complete_multipart_upload(
            **which, MultipartUpload={'Parts': parts}
        )


@contextlib.contextmanager
def store(command: list[str], told: list[str] | None) -> Iterator[Store]:
    """Run an object store.

    :param told: Its URL and key, where it does not tell them itself.
    """
    import boto3
    import psutil

    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            url, access, secret = told or json.loads(process.stdout.readline())
            _wait_for(url)
            client = boto3.client(
                's3',
                endpoint_url=url,
                region_name='us-east-1',
                aws_access_key_id=access,
                aws_secret_access_key=secret,
            )
            client.create_bucket(Bucket='benchmark')
            yield Store(client, psutil.Process(process.pid))
        finally:
            process.kill()


def _wait_for(url: str) -> None:
    host, _, port = url.rpartition('/')[2].partition(':')
    for _ in range(600):
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection((host, int(port))).close()
            return
        time.sleep(0.1)


@contextlib.contextmanager
def _moto() -> Iterator[Store]:
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, '-c', 'from moto.server import main; main()'),
        f'-p{port}',
    ]
    told = [f'http://127.0.0.1:{port}', 'benchmark', 'benchmark']
    with store(command, told) as moto:
        yield moto


@benchmark
def bucket_server(bench: Bench) -> Iterator[Row]:
    """Write, read and list objects in the emulator, beside moto's server."""
    needs('boto3')
    needs('moto')
    size = bench.sizes.upload_mib * MIB
    with (
        store([sys.executable, '-c', _EMULATOR], None) as ours,
        _moto() as moto,
    ):
        found = bench.alternate(
            {
                'ours': lambda: ours.measure(size),
                'moto': lambda: moto.measure(size),
            },
            bench.seldom,
        )
    peer = "moto's server"
    for name, work in (
        ('put', "put an object of 1,000 bytes"),
        ('get', "get an object of 1,000 bytes"),
        ('list', f"list {_COUNT} objects"),
    ):
        yield compared(
            work,
            "server's CPU",
            'ms',
            found['ours'][name],
            peer,
            found['moto'][name],
            at_most=1,
        )
    for name, way in (('up', "up, in parts"), ('down', "down")):
        yield compared(
            f"an object of {bench.sizes.upload_mib:,} MiB {way}",
            "throughput",
            'MiB/s',
            found['ours'][name],
            peer,
            found['moto'][name],
            at_least=1,
        )
    if 'peak' in found['ours']:
        yield compared(
            "server of both",
            "memory",
            'MiB',
            found['ours']['peak'],
            peer,
            found['moto']['peak'],
            at_most=1,
        )
