# SPDX-License-Identifier: Apache-2.0
"""Answers, held against an OpenAPI document of the services."""

from collections.abc import Iterator
import re
from typing import Any

import jsonschema
import requests

from ims_ext.emulator.server import EmulatorServer

METHODS = ('get', 'head', 'post', 'put', 'patch', 'delete', 'options')


def document_of(server: EmulatorServer) -> dict[str, Any]:
    """Return the document that an emulator gives."""
    answer = requests.get(
        f'{server.control_url}/_emulator/openapi.json', timeout=60
    )
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


class Described:
    """A document, and the operations whose answers were held against it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.seen: set[str] = set()
        self._image = document['servers'][0]['url']

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Give each operation: its method, its path, its description."""
        for path, item in self.document['paths'].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]

    def find(self, method: str, url: str) -> tuple[str, dict[str, Any]]:
        """Return the path and the description of a request's operation."""
        if not url.startswith(self._image):
            # The project's ID may follow the version.
            url = re.sub(r'(:\d+/v[\d.]+)/[0-9a-f]{32}(/|$)', r'\1\2', url)
        found = []
        for each, path, said in self.operations():
            root = self.document['paths'][path]['servers'][0]['url']
            rule = re.sub(r'\\{\w+\\}', '[^/]+', re.escape(path.split('#')[0]))
            if each == method and re.fullmatch(root + rule, url):
                found.append((path.count('{'), path, said))
        assert found, f"{method} {url} is not described"
        # The one with the fewest parameters, as the router does.
        _, path, said = min(found, key=lambda one: one[0])
        return path, said

    def hold(self, method: str, path: str, body: Any) -> None:
        """Hold a body against what the image service's operation answers."""
        _, said = self.find(method, self._image + path)
        self._validate(next(iter(said['responses'].values())), body)

    def check(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        """Hold an answer against the document."""
        method = str(answer.request.method)
        path, said = self.find(method, re.split('[?#]', str(answer.url))[0])
        status = str(answer.status_code)
        responses = said['responses']
        response = responses.get(status) or responses.get(f'{status[0]}XX')
        assert response, f"{method} {path} answers {status}"
        if answer.status_code < 400:
            self.seen.add(f'{method} {path}')
        kind = answer.headers.get('Content-Type', '').partition(';')[0]
        if kind == 'application/json' and answer.content:
            assert kind in response.get('content', {}), (method, path, status)
            self._validate(response, answer.json())
        elif method != 'HEAD' and answer.content:
            assert kind in response.get('content', {}), (method, path, kind)

    def _validate(self, response: dict[str, Any], body: Any) -> None:
        schema = response['content']['application/json']['schema']
        jsonschema.Draft202012Validator(
            {**schema, 'components': self.document['components']}
        ).validate(body)
