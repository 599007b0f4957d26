# SPDX-License-Identifier: Apache-2.0
"""The last look at a request: does it lead where it was meant to?"""

from typing import Any

import requests
from requests import auth as requests_auth
from requests import utils as requests_utils

from ims_ext import exceptions
from ims_ext.transport import origin


class HostGuard(requests_auth.AuthBase):
    """Lets requests pass that lead to one host, and has no others signed.

    The requests library calls it with the request as it will be sent, when
    all else of it is settled.

    :param session: The session that sends the request.
    :param meant: Where the request is meant to go.
    :param given: Its caller's own way of proving who asks, if any.
    """

    def __init__(
        self, session: requests.Session, meant: origin.Origin, given: Any
    ) -> None:
        self._session = session
        self._meant = meant
        self._given = given

    def __call__(
        self, r: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        url = str(r.url)
        try:
            is_meant = origin.of(url) == self._meant
        except ValueError:
            is_meant = False
        if not is_meant:
            raise exceptions.RedirectRefusedError(
                f"{url[:200]!a} does not lead to "
                f"{origin.host(self._meant)}, which the request is for; "
                f"nothing has been sent"
            )
        proof = self._given or self._session.auth or self._usual(url)
        if isinstance(proof, tuple):
            proof = requests_auth.HTTPBasicAuth(*proof)
        return proof(r) if proof else r

    def _usual(self, url: str) -> tuple[str, str] | None:
        """Return what the requests library finds where it is given none."""
        found = None
        if self._session.trust_env:
            found = requests_utils.get_netrc_auth(url)
        found = found or requests_utils.get_auth_from_url(url)
        return found if found and any(found) else None

    def __repr__(self) -> str:
        # openstacksdk makes the keys of its cache of a request's parameters.
        return f'<{__name__} {self._meant!r}>'
