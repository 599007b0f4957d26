# SPDX-License-Identifier: Apache-2.0
"""A large file on its way to the image service, and into a bucket."""

from collections.abc import Iterator
from typing import Any

from . import client
from . import standin_cloud
from .harness import MIB
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import needs
from .harness import needs_command
from .table import Row
from .table import compared
from .table import limited

# ====== IN PROCESSES OF THEIR OWN ======


def to_service(path: str, first: str) -> Measurement:
    """Upload a file to the image service.

    :param first: A small file that is uploaded before: what a process needs
        once, and loads then, is no part of the throughput.
    """
    ims = client.connect().ims
    idle = client.resident()
    ims.create_image_from_file(first, 'first', disk_format='raw', wait=True)
    loaded = client.resident()
    with client.measured() as found:
        ims.create_image_from_file(
            path, 'benchmark', disk_format='raw', wait=True
        )
    found['grown'] += loaded - idle
    return found


def to_bucket(path: str) -> Measurement:
    """Upload a file to a bucket, with the library."""
    from ims_ext import objectstore

    store = objectstore.ObjectStore(client.connect())
    # The client is made once for many files.
    store.check_bucket(standin_cloud.BUCKET)
    with client.measured() as found:
        store.upload(path, standin_cloud.BUCKET, 'ours.raw')
    return found


def by_boto3(path: str, **config: Any) -> Measurement:
    """Upload a file to a bucket, with boto3 alone."""
    import boto3
    from botocore.config import Config

    s3 = boto3.client(
        's3',
        endpoint_url=client.url(),
        aws_access_key_id='benchmark',
        aws_secret_access_key='benchmark',
        region_name=standin_cloud.REGION,
        config=Config(s3={'addressing_style': 'path'}, **config),
    )
    s3.head_bucket(Bucket=standin_cloud.BUCKET)
    with client.measured() as found:
        s3.upload_file(path, standin_cloud.BUCKET, 'theirs.raw')
    return found


# ====== COMPARED ======


def _rates(
    bench: Bench, found: dict[str, dict[str, float]]
) -> dict[str, float]:
    """Return how many MiB a second each alternative has sent."""
    size = bench.sizes.upload_mib
    for times in found.values():
        assert times['received'] >= size * MIB, "not everything was sent"
    return {name: size / times['wall'] for name, times in found.items()}


@benchmark
def upload_native(bench: Bench) -> Iterator[Row]:
    """Upload 1 GiB to the image service, beside curl -T."""
    needs_command('curl')
    with (
        bench.file(bench.sizes.upload_mib) as path,
        bench.file(1, 'first.raw') as first,
    ):
        found = bench.alternate(
            {
                'ours': bench.worker(
                    to_service, path=str(path), first=str(first)
                ),
                'curl': bench.command(
                    *('curl', '--silent', '--fail', '-T', str(path)),
                    f'{bench.url}/image/v2/images/'
                    f'{standin_cloud.image_id(0)}/file',
                ),
            }
        )
    rates = _rates(bench, found)
    work = f"native upload of {bench.sizes.upload_mib:,} MiB"
    yield compared(
        work,
        "throughput",
        'MiB/s',
        rates['ours'],
        "curl -T",
        rates['curl'],
        at_least=0.9,
    )
    yield limited(
        work, "memory beyond idle", found['ours']['grown'], 'MiB', 32
    )


@benchmark
def upload_bucket(bench: Bench) -> Iterator[Row]:
    """Upload 1 GiB to a bucket, beside boto3's own upload_file."""
    needs('boto3')
    checksums = 'when_required'
    with bench.file(bench.sizes.upload_mib) as file:
        path = str(file)
        found = bench.alternate(
            {
                'ours': bench.worker(to_bucket, path=path),
                'boto3': bench.worker(by_boto3, path=path),
                'boto3 without checksums': bench.worker(
                    by_boto3,
                    path=path,
                    request_checksum_calculation=checksums,
                ),
            }
        )
    rates = _rates(bench, found)
    work = f"upload of {bench.sizes.upload_mib:,} MiB to a bucket"
    for name in ('boto3', 'boto3 without checksums'):
        yield compared(
            work,
            "throughput",
            'MiB/s',
            rates['ours'],
            f"{name}, upload_file",
            rates[name],
            at_least=0.95,
        )
    yield limited(
        work, "memory beyond idle", found['ours']['grown'], 'MiB', None
    )
