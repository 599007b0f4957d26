# SPDX-License-Identifier: Apache-2.0
"""The options of ``ims-emulator``, and what each of them may be."""

import argparse
import ipaddress
from pathlib import Path

from ims_ext.emulator.delays import Delays
from ims_ext.emulator.profile import ALL_CLOUDS
from ims_ext.emulator.profile import PROFILES


def add(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options that all actions have.

    :param parser: The action's.
    :param port: The port of the image service, unless given.
    """
    _add_places(parser, port)
    _add_behaviour(parser)


def _add_places(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        type=_address,
        metavar='ADDRESS',
        help="the address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        '--port',
        default=port,
        type=_port,
        metavar='N',
        help="the port of the image service, 0 for any that is free "
        "(default: %(default)s); the other services have the next ones, "
        "buckets, identity, compute and block storage in this order, or free "
        "ones, too",
    )
    parser.add_argument(
        '--bucket-port',
        type=_port,
        metavar='N',
        help="the port of the buckets, if it is to be another",
    )
    parser.add_argument(
        '--service-port',
        action='append',
        default=[],
        type=_service_port,
        dest='service_ports',
        metavar='SERVICE=N',
        help="the port of a service, if it is to be another: identity=, "
        "compute=, block-storage=, key-management= or backup=; can be given "
        "several times",
    )
    parser.add_argument(
        '--control-port',
        type=_port,
        metavar='N',
        help="the port of the page that shows what is in the emulator, and "
        "of the control routes, if it is to be another than the ninth "
        "after the image service's",
    )
    parser.add_argument(
        '--domain',
        nargs='?',
        const='localhost',
        type=_domain,
        metavar='DOMAIN',
        help="have the catalog show names instead of ports: "
        "iam.REGION.DOMAIN, ims., ecs., evs., kms., cbr., obs. and "
        "BUCKET.obs.; "
        "%(const)s where no domain follows. They have to resolve to this "
        "machine",
    )
    parser.add_argument(
        '--public-url',
        type=_public_url,
        metavar='URL',
        help="what the catalog and all links say, where clients reach the "
        "emulator by another address than its own: one for everything, or "
        "with {port}, {service} and {region}, for example "
        "http://emulator:{port}",
    )
    parser.add_argument(
        '--tls',
        action='store_true',
        help="encrypt all services, by a certificate of an authority that is "
        "made for this emulator, and kept in --state",
    )
    parser.add_argument(
        '--state',
        type=Path,
        metavar='DIR',
        help="a directory to keep everything in until the next start "
        "(default: forget it at the end)",
    )


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--scenario',
        type=Path,
        metavar='FILE',
        help="a YAML file with what there is from the start: projects, users, "
        "images, buckets and more, and settings, so far as other options do "
        "not say otherwise; made once where there is --state ('scenario "
        "schema' prints its JSON Schema, 'scenario check' looks for faults)",
    )
    parser.add_argument(
        '--like',
        choices=tuple(PROFILES),
        help="be like one cloud, with its operations, limits, pages, delays "
        "and region, so far as other options do not say otherwise (default: "
        "like all of them together, and without delays)",
    )
    parser.add_argument(
        '--job-seconds',
        type=_seconds,
        metavar='S',
        help="for how many seconds a job runs "
        f"(default: {ALL_CLOUDS.job_seconds:g}, or the cloud's)",
    )
    parser.add_argument(
        '--delay',
        action='append',
        default=[],
        type=_delays,
        dest='delays',
        metavar='NAME=S',
        help="how many seconds later than its answer an effect comes: "
        "upload= for the data of an image, delete= for its deletion, create= "
        "for a new image, tags= for what a job sets, share= for members, job= "
        "for a new job; can be given several times (default: none, or the "
        "cloud's)",
    )
    parser.add_argument(
        '--user',
        action='append',
        default=[],
        type=_account,
        dest='users',
        metavar='NAME:PASSWORD:PROJECT',
        help="a user beside alice (project alpha) and bob (project beta); "
        "can be given several times",
    )
    parser.add_argument(
        '--region',
        action='append',
        default=[],
        type=_region,
        dest='regions',
        metavar='NAME',
        help="the name of a region; can be given several times, and each "
        "user then has a project in each "
        f"(default: {ALL_CLOUDS.region}, or the cloud's)",
    )
    parser.add_argument(
        '--image-quota',
        type=_count,
        metavar='N',
        help="how many images a project may own "
        f"(default: {ALL_CLOUDS.image_quota}, or the cloud's)",
    )
    _add_glance(parser)
    parser.add_argument(
        '--fault',
        action='append',
        default=[],
        type=_fault,
        dest='faults',
        metavar='FAULT',
        help="something that goes wrong on purpose, for example "
        "status=503,rate=0.1 or cut=after,method=POST,count=1; can be given "
        "several times; beside status= and cut= there are slow=, body=, "
        "request-id=, token-seconds=, job=, upload= and imports=",
    )
    parser.add_argument(
        '--fault-seed',
        default=0,
        type=_seed,
        metavar='N',
        help="decides which requests the faults befall; the same ones for "
        "the same number (default: %(default)s)",
    )
    parser.add_argument(
        '--seed',
        type=_id_seed,
        metavar='N',
        help="what all IDs, keys and tokens follow from; the same ones at "
        "every start for the same number, ones that nobody knows in advance "
        "for 'random' (default: what --state has, or 0)",
    )
    parser.add_argument(
        '--log',
        nargs='?',
        const='text',
        choices=('text', 'json'),
        help="write a line a request to standard error, with the operation, "
        "the answer and its reason; with json, an object a line",
    )
    parser.add_argument(
        '--access-keys',
        action='store_true',
        help="tell clients the users' permanent access keys for the "
        "buckets, too (default: they ask for temporary ones), and have a "
        "cloud NAME-aksk a user whose requests are signed",
    )


def _add_glance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--glance',
        default='documented',
        choices=('documented', 'full'),
        help="how much of Glance there is: what the clouds document, or all "
        "of it, with imports, stores, tasks, metadata definitions, locations "
        "and an administrator, admin (default: %(default)s)",
    )
    parser.add_argument(
        '--import-host',
        action='append',
        default=[],
        type=_import_host,
        dest='import_hosts',
        metavar='HOST[:PORT]',
        help="a host on this machine or a private network that images may be "
        "fetched from, with --glance full; can be given several times "
        "(default: only hosts on the internet)",
    )


# ====== ARGUMENTS ======


def _address(text: str) -> str:
    if text == 'localhost':
        return '127.0.0.1'
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no IP address"
        ) from None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number up to 65535")
    return int(text)


def _service_port(text: str) -> tuple[str, int]:
    from ims_ext.emulator.address import SERVICES

    service, _, port = text.partition('=')
    if service not in SERVICES:
        raise argparse.ArgumentTypeError(
            f"{service!r} is no service; there are {', '.join(SERVICES)}"
        )
    return service, _port(port)


def _domain(text: str) -> str:
    from ims_ext.emulator.address import AddressError
    from ims_ext.emulator.address import check_domain

    try:
        return check_domain(text)
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _public_url(text: str) -> str:
    from ims_ext.emulator.public_url import AddressError
    from ims_ext.emulator.public_url import PublicUrl

    try:
        return PublicUrl.parse(text).text
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError("a job runs for 0 to 86400 seconds")
    return seconds


def _delays(text: str) -> dict[str, float]:
    try:
        return Delays.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def delays(arguments: argparse.Namespace) -> dict[str, float]:
    """Return the delays that the options say, by their names.

    :param arguments: The options.
    """
    given: dict[str, float] = {}
    for each in arguments.delays:
        given |= each
    return given


def _account(text: str) -> object:
    from ims_ext.emulator.seed import Account

    try:
        return Account.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("a quota is a whole number")
    return int(text)


def _fault(text: str) -> str:
    from ims_ext.emulator.fault import Fault
    from ims_ext.emulator.fault import FaultError

    try:
        return Fault.parse(text).text
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("a seed is a whole number")
    return int(text)


def _id_seed(text: str) -> int | str:
    return text if text == 'random' else _seed(text)


def _region(text: str) -> str:
    from ims_ext.emulator.service import check_region

    try:
        return check_region(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _import_host(text: str) -> str:
    from ims_ext.emulator.work.web_source import check_host

    try:
        return check_host(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
