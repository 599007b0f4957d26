# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, led by its own protocol over a pair of pipes."""

import base64
import itertools
import json
import os
from pathlib import Path
import shlex
import subprocess
import time
from typing import Any, Self

from ..programs import demand

#: Seconds in which a page has to become what a test expects.
PATIENCE = 20.0

_OPTIONS = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--remote-debugging-pipe',
)


class Browser:
    """A browser with one page, for as long as a ``with`` block lasts.

    :param folder: An empty folder for its profile.
    :param width: The page's width in pixels.
    """

    def __init__(self, folder: Path, width: int = 1280) -> None:
        demand('chromium')
        self._folder = folder
        self._width = width
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.messages: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        there, self._writing = os.pipe()
        self._reading, back = os.pipe()
        command = shlex.join(
            [
                'chromium',
                *_OPTIONS,
                f'--user-data-dir={self._folder}',
                f'--window-size={self._width},900',
                'about:blank',
            ]
        )
        self._process = subprocess.Popen(
            ['bash', '-c', f'exec {command} 3<&{there} 4>&{back}'],
            pass_fds=(there, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(back)
        self._input = os.fdopen(self._reading, 'rb')
        pages = self._send('Target.getTargets')['targetInfos']
        (page,) = [each for each in pages if each['type'] == 'page']
        found = self._send(
            'Target.attachToTarget', targetId=page['targetId'], flatten=True
        )
        self._session = found['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self._send(f'{domain}.enable')
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        os.close(self._writing)

    def go(self, url: str) -> None:
        """Open a page."""
        self._send('Page.navigate', url=url)

    def evaluate(self, script: str) -> Any:
        """Return what an expression is worth in the page."""
        found = self._send(
            'Runtime.evaluate',
            expression=script,
            returnByValue=True,
            awaitPromise=True,
        )
        assert 'exceptionDetails' not in found, found
        return found['result'].get('value')

    def wait(self, script: str) -> Any:
        """Wait until an expression is true in the page; return its value."""
        ends = time.monotonic() + PATIENCE
        while True:
            value = self.evaluate(script)
            if value:
                return value
            assert time.monotonic() < ends, f"{script} is {value!r}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """Return the text that is shown of an element."""
        quoted = json.dumps(selector)
        return str(
            self.evaluate(f'document.querySelector({quoted}).innerText')
        )

    def click(self, selector: str) -> None:
        """Click an element, once it is there."""
        found = f'document.querySelector({json.dumps(selector)})'
        self.wait(f'!!{found}')
        self.evaluate(f'{found}.click()')

    def fill(self, selector: str, text: str) -> None:
        """Write into a field."""
        quoted = json.dumps(selector)
        self.evaluate(
            f'document.querySelector({quoted}).value = {json.dumps(text)}'
        )

    def go_offline(self) -> None:
        """Take the network away, for all that follows."""
        self._send(
            'Network.emulateNetworkConditions',
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )

    def screenshot(self) -> bytes:
        """Return a picture of the page, a PNG."""
        found = self._send('Page.captureScreenshot')
        return base64.b64decode(found['data'])

    def complaints(self) -> list[str]:
        """Return the errors that the page has caused so far."""
        self.evaluate('0')
        found = []
        for each in self.messages:
            parameters = each.get('params', {})
            if each['method'] == 'Runtime.exceptionThrown':
                found.append(str(parameters['exceptionDetails']))
            entry = parameters.get('entry', {})
            if each['method'] == 'Log.entryAdded' and (
                entry.get('level') == 'error'
            ):
                found.append(f"{entry.get('text')} {entry.get('url')}")
        return found

    def _send(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        message: dict[str, Any] = {
            'id': number,
            'method': method,
            'params': parameters,
        }
        if self._session is not None:
            message['sessionId'] = self._session
        os.write(self._writing, json.dumps(message).encode() + b'\0')
        while True:
            answer = json.loads(self._read())
            if answer.get('id') == number:
                assert 'error' not in answer, answer
                return answer['result']
            if 'method' in answer:
                self.messages.append(answer)

    def _read(self) -> bytes:
        found = bytearray()
        while True:
            piece = self._input.read1(65536) if not self._rest else b''
            piece = self._rest + piece
            assert piece, "The browser has ended"
            head, zero, rest = piece.partition(b'\0')
            found += head
            self._rest = rest
            if zero:
                return bytes(found)

    _rest = b''
