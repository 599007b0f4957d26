# SPDX-License-Identifier: Apache-2.0
"""A file to import, and processes that import it."""

import hashlib
import json
from pathlib import Path
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from openstack import connection
import yaml

from ims_ext.emulator.server import EmulatorServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024**2
#: The smallest part that the store takes.
PART_SIZE = 5 * MIB
#: Parts that the file has then.
PARTS = 3


def write_disk(path: Path) -> Path:
    """Write a disk that is uploaded in parts, each of them different."""
    with path.open('wb') as disk:
        # A partition table, so that it is taken for a disk.
        disk.seek(510)
        disk.write(b'\x55\xaa')
        for number in range(PARTS):
            disk.seek(number * PART_SIZE + MIB // 2)
            disk.write(bytes([number + 1]) * 1000)
        disk.truncate((PARTS - 1) * PART_SIZE + MIB)
    return path


class Importer:
    """Processes that import a file, and are killed where that is wanted.

    :param folder: Where their records are, below a folder for each name.
    :param file: The file.
    :param server: The emulator.
    """

    def __init__(self, folder: Path, file: Path, server: EmulatorServer):
        self._folder = folder
        self._file = file
        self._clouds = folder / 'clouds.yaml'
        self._clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name('killable_import.py')),
                str(file),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, name: str, last: int | None = None, **options: Any
    ) -> dict[str, Any]:
        """Import the file, up to a step; return how that has ended."""
        [told] = self.run_all([name], last, **options)
        return told

    def run_all(
        self, names: list[str], last: int | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Import the file under some names at once."""
        self.send(names, last, **options)
        return self.receive()

    def send(
        self, names: list[str], last: int | None = None, **options: Any
    ) -> None:
        """Begin to import the file under some names."""
        wanted = [
            {
                'clouds': str(self._clouds),
                'file': str(self._file),
                'name': name,
                'last': last,
                'part_size': PART_SIZE,
                'state': str(self._folder / name),
                'options': options,
            }
            for name in names
        ]
        assert self._process.stdin
        self._process.stdin.write(json.dumps(wanted) + '\n')
        self._process.stdin.flush()

    def receive(self) -> list[dict[str, Any]]:
        """Return how what was begun has ended."""
        assert self._process.stdout
        told: list[dict[str, Any]] = json.loads(
            self._process.stdout.readline()
        )
        return told

    def left(self, name: str) -> list[str]:
        """Return the files in an import's state folder."""
        folder = self._folder / name
        return [path.name for path in folder.rglob('*') if path.is_file()]

    def stop(self) -> None:
        """End the processes."""
        self._process.communicate()


def parts_there(client: 'S3Client') -> set[int]:
    """Return the numbers of the parts that are in the bucket."""
    return {
        part['PartNumber']
        for upload in client.list_multipart_uploads(Bucket='images').get(
            'Uploads', ()
        )
        for part in client.list_parts(
            Bucket='images', Key=upload['Key'], UploadId=upload['UploadId']
        ).get('Parts', ())
    }


def objects_there(client: 'S3Client') -> list[str]:
    """Return what is in the bucket: objects, and unfinished uploads."""
    uploads = client.list_multipart_uploads(Bucket='images')
    objects = client.list_objects_v2(Bucket='images')
    return [
        *(each['Key'] for each in objects.get('Contents', ())),
        *(f'{each["Key"]} (parts)' for each in uploads.get('Uploads', ())),
    ]


def check_image(conn: connection.Connection, file: Path, name: str) -> str:
    """Make sure that there is one image of a name, and return its ID.

    It holds what the file holds, and can be used.
    """
    [image] = conn.ims.images(name=name)
    checksum = hashlib.md5(file.read_bytes()).hexdigest()
    assert (image.status, image.checksum) == ('active', checksum)
    return str(image.id)
