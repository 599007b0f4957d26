# SPDX-License-Identifier: Apache-2.0
"""The page for people, at the root of the control address.

It is three files of the package, asks nothing but the control routes, and no
browser lets anything else into it.
"""

import importlib.resources

from werkzeug.wrappers import Response

from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

#: Nothing from elsewhere, nothing written into the page, and in no frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class PageControl:
    """The page and its parts."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', '/', anonymous=True)
    def page(self, request: Request) -> Answer:
        """Show the page."""
        return _file('index.html', 'text/html')

    @route('GET', '/page.js', anonymous=True)
    def script(self, request: Request) -> Answer:
        """Show the page's script."""
        return _file('page.js', 'text/javascript')

    @route('GET', '/page.css', anonymous=True)
    def style(self, request: Request) -> Answer:
        """Show the page's style."""
        return _file('page.css', 'text/css')


def _file(name: str, kind: str) -> Response:
    folder = importlib.resources.files('ims_ext.emulator.control')
    response = Response(
        (folder / 'page' / name).read_bytes(),
        content_type=f'{kind}; charset=UTF-8',
    )
    response.headers['Content-Security-Policy'] = _POLICY
    response.headers['X-Content-Type-Options'] = 'nosniff'
    response.headers['Referrer-Policy'] = 'no-referrer'
    return response
