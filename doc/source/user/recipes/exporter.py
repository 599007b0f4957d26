# SPDX-License-Identifier: Apache-2.0
"""Quotas and images of a project as metrics for Prometheus.

Written to a file for the node exporter's textfile collector, or served by
HTTP.
"""

import argparse
from collections.abc import Iterator
import http.server
import os
from pathlib import Path
import tempfile
from typing import Any

import ims_ext


def metrics(conn: Any) -> str:
    """Return the metrics of a project, in Prometheus's text format.

    :param conn: A connection with ``conn.ims``.
    """
    quotas = conn.ims.image_quotas()
    images = list(conn.ims.cloud_images(owner=conn.ims.get_project_id()))
    return ''.join(
        [
            *_gauge(
                'ims_quota_used',
                "How much of a quota is used.",
                [({'type': each.type}, each.used) for each in quotas],
            ),
            *_gauge(
                'ims_quota_limit',
                "The quota.",
                [({'type': each.type}, each.quota) for each in quotas],
            ),
            *_gauge(
                'ims_image_created_timestamp_seconds',
                "When an image was made.",
                [
                    (_labels(each), each.created_datetime.timestamp())
                    for each in images
                ],
            ),
            *_gauge(
                'ims_image_size_bytes',
                "The size of an image's data.",
                [(_labels(each), each.image_size) for each in images],
            ),
        ]
    )


def _labels(image: Any) -> dict[str, str]:
    return {
        'id': image.id,
        'name': image.name or '',
        'status': image.status,
        'family': image.tag_map.get('family', ''),
    }


def _gauge(
    name: str, words: str, samples: list[tuple[dict[str, str], float | None]]
) -> Iterator[str]:
    yield f'# HELP {name} {words}\n# TYPE {name} gauge\n'
    for labels, value in samples:
        if value is not None:
            told = ','.join(
                f'{key}="{_escaped(text)}"' for key, text in labels.items()
            )
            yield f'{name}{{{told}}} {value}\n'


def _escaped(text: str) -> str:
    for plain, escaped in (('\\', r'\\'), ('"', r'\"'), ('\n', r'\n')):
        text = text.replace(plain, escaped)
    return text


def write(path: Path, text: str) -> None:
    """Write a file all at once, so that nobody reads half of it."""
    with tempfile.NamedTemporaryFile(
        'w', dir=path.parent, encoding='utf-8', delete=False
    ) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def serve(conn: Any, address: str, port: int) -> None:
    """Answer each request with the metrics as they are then.

    A failure is answered with 500, which Prometheus shows as ``up == 0``.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            try:
                text = metrics(conn)
            except Exception as error:
                self.log_error("%s", error)
                self.send_error(500)
                return
            body = text.encode()
            self.send_response(200)
            self.send_header('Content-Type', 'text/plain; version=0.0.4')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http.server.HTTPServer((address, port), Handler) as server:
        print(f"http://{address}:{server.server_port}/metrics", flush=True)
        server.serve_forever()


def main() -> None:
    """Read the command line, and write or serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument('--textfile', type=Path, help="a file, *.prom")
    where.add_argument('--port', type=int, help="serve on this port")
    parser.add_argument('--address', default='127.0.0.1')
    given = parser.parse_args()
    with ims_ext.connect() as conn:
        if given.textfile:
            write(given.textfile, metrics(conn))
        else:
            serve(conn, given.address, given.port)


if __name__ == '__main__':
    main()
