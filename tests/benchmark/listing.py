# SPDX-License-Identifier: Apache-2.0
"""Lists of images, as a program goes through them."""

from collections.abc import Callable, Iterator
import json
import time
from typing import Any

from . import client
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import needs
from .table import Row
from .table import compared
from .table import limited

#: Images on a page where somebody else than the library asks for it.
_PAGE = 1000

#: What a program reads of each image.
_READ = ('name', 'id', 'status', 'os_version', 'min_disk')

#: Seconds that the server takes for a page, and that the caller is busy with
#: it, where it matters who waits for whom.
_PAGE_SECONDS = 0.1
_BUSY_SECONDS = 0.05

#: What takes all of an image.
_WHOLE: dict[str, Callable[[Any], Any]] = {
    'to_dict': lambda image: image.to_dict(),
    'json': json.dumps,
    'properties': lambda image: image.properties,
}

# ====== IN PROCESSES OF THEIR OWN ======


def count(cloud: str, listing: str) -> Measurement:
    """Count the images that a proxy's method lists."""
    conn = client.connect(cloud)
    proxy, method = listing.split('.')
    images = getattr(getattr(conn, proxy), method)
    with client.measured() as found:
        found['images'] = sum(1 for _ in images())
    return found


def use_whole(cloud: str, listing: str, work: str) -> Measurement:
    """Do something that takes all of each image that a method lists."""
    conn = client.connect(cloud)
    proxy, method = listing.split('.')
    images = getattr(getattr(conn, proxy), method)
    query = {'limit': _PAGE} if cloud == 'stock' else {}
    do = _WHOLE[work]
    with client.measured() as found:
        found['images'] = len([do(image) for image in images(**query)])
    return found


def read() -> Measurement:
    """Read attributes of each image that the library lists."""
    ims = client.connect().ims
    with client.measured() as found:
        for image in ims.cloud_images():
            for name in _READ:
                getattr(image, name)
    return found


def use(busy_seconds: float) -> Measurement:
    """Be busy with each page's images for some time."""
    ims = client.connect().ims
    with client.measured() as found:
        for number, image in enumerate(ims.cloud_images(), 1):
            assert image.name
            if not number % _PAGE:
                time.sleep(busy_seconds)
    return found


def take_first() -> Measurement:
    """Ask for one image, and for nothing more."""
    ims = client.connect().ims
    with client.measured() as found:
        images = ims.cloud_images()
        next(images)
        # What is on its way arrives, and is counted.
        time.sleep(0.5)
        images.close()
    return found


def walk() -> Measurement:
    """Get the same pages with requests, and json."""
    import requests

    last = None
    with requests.Session() as session, client.measured() as found:
        while True:
            query: dict[str, Any] = {'limit': _PAGE}
            if last:
                query['marker'] = last
            answer = session.get(
                f'{client.url()}/v2/cloudimages', params=query
            )
            answer.raise_for_status()
            images = json.loads(answer.content)['images']
            if len(images) < _PAGE:
                return found
            last = images[-1]['id']


def huawei() -> Measurement:
    """Read attributes of each image that huaweicloudsdkims lists."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkims.v2 import ImsClient
    from huaweicloudsdkims.v2 import ListImagesRequest

    key = BasicCredentials('benchmark', 'benchmark', 'benchmark')
    ims = (
        ImsClient.new_builder()
        .with_credentials(key)
        .with_endpoint(client.url())
        .build()
    )
    request = ListImagesRequest(limit=_PAGE)
    with client.measured() as found:
        while True:
            images = ims.list_images(request).images
            for image in images:
                for name in (image.name, image.id, image.status):
                    assert name
                for name in (image.os_version, image.min_disk):
                    assert name
            if len(images) < _PAGE:
                return found
            request.marker = images[-1].id


def otcextensions() -> Measurement:
    """Count the images that otcextensions lists, a page at a time."""
    import otcextensions.sdk

    conn = client.connect('stock')
    otcextensions.sdk.load(conn)
    ims = conn.imsv2
    query: dict[str, Any] = {'limit': _PAGE}
    with client.measured() as found:
        while True:
            images = list(ims.images(**query))
            if len(images) < _PAGE:
                return found
            query['marker'] = images[-1].id


# ====== COMPARED ======


@benchmark
def list_images(bench: Bench) -> Iterator[Row]:
    """Count all images: processor time and requests."""
    number = bench.sizes.images
    work = f"count {number:,} images"
    found = bench.alternate(
        {
            'ours': bench.worker(
                count, cloud='ours', listing='ims.cloud_images'
            ),
            'walk': bench.worker(walk),
        }
    )
    each = {name: times['cpu'] / number * 1e6 for name, times in found.items()}
    yield compared(
        work + ", conn.ims.cloud_images()",
        "CPU an image",
        'us',
        each['ours'],
        "requests + json",
        each['walk'],
        at_most=1.5,
    )
    yield limited(
        work + ", conn.ims.cloud_images()",
        "requests",
        found['ours']['requests'] - _LOGIN,
        '',
        11,
    )


@benchmark
def list_images_openstacksdk(bench: Bench) -> Iterator[Row]:
    """Count all images: processor time beside conn.image.images()."""
    number = bench.sizes.images
    listings = {
        'conn.ims.cloud_images()': ('ours', 'ims.cloud_images'),
        'conn.ims.images()': ('ours', 'ims.images'),
        'conn.image.images()': ('stock', 'image.images'),
    }
    found = bench.alternate(
        {
            name: bench.worker(count, cloud=cloud, listing=listing)
            for name, (cloud, listing) in listings.items()
        },
        bench.seldom,
    )
    *own, theirs = listings
    for ours in own:
        yield compared(
            f"count {number:,} images, {ours}",
            "CPU an image",
            'us',
            found[ours]['cpu'] / number * 1e6,
            theirs,
            found[theirs]['cpu'] / number * 1e6,
            times_less=15,
        )
    yield limited(
        f"count {number:,} images, conn.ims.images()",
        "requests",
        found['conn.ims.images()']['requests'] - _LOGIN,
        '',
        11,
    )


@benchmark
def list_images_whole(bench: Bench) -> Iterator[Row]:
    """Take all of each image: processor time beside conn.image.images()."""
    number = bench.sizes.images
    listings = {
        'conn.ims.cloud_images()': ('ours', 'ims.cloud_images'),
        'conn.ims.images()': ('ours', 'ims.images'),
        'conn.image.images(limit=1000)': ('stock', 'image.images'),
    }
    *own, theirs = listings
    for work in _WHOLE:
        found = bench.alternate(
            {
                name: bench.worker(
                    use_whole, cloud=cloud, listing=listing, work=work
                )
                for name, (cloud, listing) in listings.items()
            },
            bench.seldom,
        )
        for ours in own:
            yield compared(
                f"{work} of {number:,} images, {ours}",
                "CPU an image",
                'us',
                found[ours]['cpu'] / number * 1e6,
                theirs,
                found[theirs]['cpu'] / number * 1e6,
                times_less=15,
            )


@benchmark
def list_images_huawei(bench: Bench) -> Iterator[Row]:
    """Read attributes of all images, beside huaweicloudsdkims."""
    needs('huaweicloudsdkims')
    number = bench.sizes.images
    found = bench.alternate(
        {'ours': bench.worker(read), 'theirs': bench.worker(huawei)},
        bench.seldom,
    )
    yield compared(
        f"read {len(_READ)} attributes of {number:,} images",
        "CPU an image",
        'us',
        found['ours']['cpu'] / number * 1e6,
        "huaweicloudsdkims",
        found['theirs']['cpu'] / number * 1e6,
        at_most=1,
    )


@benchmark
def list_images_otcextensions(bench: Bench) -> Iterator[Row]:
    """Count all images: processor time beside otcextensions."""
    needs('otcextensions')
    number = bench.sizes.images
    found = bench.alternate(
        {
            'ours': bench.worker(
                count, cloud='ours', listing='ims.cloud_images'
            ),
            'theirs': bench.worker(otcextensions),
        },
        1,
    )
    yield compared(
        f"count {number:,} images, conn.ims.cloud_images()",
        "CPU an image",
        'us',
        found['ours']['cpu'] / number * 1e6,
        "otcextensions, imsv2.images()",
        found['theirs']['cpu'] / number * 1e6,
    )


@benchmark
def list_images_ahead(bench: Bench) -> Iterator[Row]:
    """Use images while the next page is fetched, one page ahead."""
    with bench.serving(page_seconds=_PAGE_SECONDS):
        found = bench.alternate(
            {
                'ours': bench.worker(use, busy_seconds=_BUSY_SECONDS),
                'walk': bench.worker(walk),
            },
            bench.seldom,
        )
        first = bench.alternate({'ours': bench.worker(take_first)}, 1)
    yield compared(
        f"use {bench.sizes.images:,} images, {_BUSY_SECONDS:g} s a page",
        "wall time",
        's',
        found['ours']['wall'],
        f"requests + json, {_PAGE_SECONDS:g} s a page",
        found['walk']['wall'],
        at_most=1.25,
    )
    yield limited(
        "take the first image only",
        "requests",
        first['ours']['requests'] - _LOGIN,
        '',
        2,
    )


#: Requests of a connection that logs in: where to, and the token.
_LOGIN = 2
