# SPDX-License-Identifier: Apache-2.0
"""The address of an emulator that stands behind another one."""

import dataclasses
import re
from typing import Self
from urllib.parse import urlsplit

_FIELD = re.compile(r'\{([^{}]*)\}')
_FIELDS = ('service', 'region', 'port')
_HOST = re.compile(r'[a-z0-9.-]+|\[[0-9a-f:.]+\]', re.IGNORECASE)


class AddressError(ValueError):
    """An address that clients could not use, with the reason."""


@dataclasses.dataclass(frozen=True)
class PublicUrl:
    """A URL that clients are told instead of the emulator's own.

    Without fields it is the address of everything: services are below it,
    buckets at its root. With fields each service has an address of its own:
    ``https://{service}.{region}.cloud.example``, ``http://emulator:{port}``.

    :ivar text: The URL, without a last slash.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the URL that a text is.

        :raises: :class:`AddressError`
        """
        text = text.removesuffix('/')
        unknown = [n for n in _FIELD.findall(text) if n not in _FIELDS]
        if unknown:
            raise AddressError(
                f"{text!r} has an unknown field {{{unknown[0]}}}; there are "
                "{service}, {region} and {port}"
            )
        filled = _fill(text, 'ims', 'region', 1)
        try:
            parts = urlsplit(filled)
            is_good = parts.port != 0
        except ValueError:
            is_good = False
        if not is_good or parts.scheme not in ('http', 'https'):
            raise AddressError(f"{text!r} is no http or https URL")
        host = parts.netloc.removesuffix(f':{parts.port}')
        if not _HOST.fullmatch(host):
            raise AddressError(f"{text!r} names no host")
        if parts.path or parts.query or parts.fragment:
            # Signatures are over the path, and the clouds' own SDKs drop it.
            raise AddressError(
                f"{text!r} has more than scheme, host and port, which "
                "signatures would not fit"
            )
        if '{' in text and '{service}' not in text and '{port}' not in text:
            raise AddressError(
                f"{text!r} is the same for all services of a region: it needs "
                "{service} or {port}"
            )
        return cls(text)

    def fill(self, service: str, host: str, region: str, port: int) -> str:
        """Return the URL of a service.

        :param service: The service, as its prefix names it.
        :param host: The first part of its name: ``ims``.
        :param region: Its region.
        :param port: The port that it really has.
        """
        if '{' in self.text:
            return _fill(self.text, host, region, port)
        return self.text if host == 'obs' else f'{self.text}/{service}'


def _fill(text: str, host: str, region: str, port: int) -> str:
    return (
        text.replace('{service}', host)
        .replace('{region}', region)
        .replace('{port}', str(port))
    )
