# SPDX-License-Identifier: Apache-2.0
"""Manifests: what is to be in the clouds."""

from collections.abc import Mapping
import dataclasses
import functools
import hashlib
import importlib.resources
import json
import os
from pathlib import Path
from typing import Any

from ims_ext import exceptions
from ims_ext import extras
from ims_ext.document import reading
from ims_ext.document import schema
from ims_ext.pipeline.manifest import building
from ims_ext.pipeline.manifest import checking
from ims_ext.pipeline.manifest import variables as manifest_variables
from ims_ext.pipeline.manifest.model import Acceptor
from ims_ext.pipeline.manifest.model import Image
from ims_ext.pipeline.manifest.model import Target


class ManifestError(reading.DocumentError):
    """A manifest with faults, told all at once, a line each."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A fleet of images as it is declared.

    :ivar name: The pipeline's name, which its images carry as a tag.
    :ivar targets: Where images are kept, by the targets' names.
    :ivar accept: Who accepts shared images, by the projects' names or IDs.
    :ivar images: The images, by their names.
    :ivar path: The manifest's file; paths in it are relative to its folder.
    :ivar digest: SHA-256 of its content, variables filled in.
    """

    name: str
    targets: Mapping[str, Target]
    accept: Mapping[str, Acceptor]
    images: Mapping[str, Image]
    path: Path
    digest: str

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        variables: Mapping[str, str] | None = None,
    ) -> 'Manifest':
        """Read a manifest's file. No request is sent.

        :param path: The file.
        :param variables: Values of the variables that the manifest names;
            those of the environment by default.
        :raises: :class:`ManifestError` with all that is wrong;
            :class:`OSError` where the file cannot be read.
        """
        file = Path(path)
        try:
            document = reading.read_file(file)
        except reading.DocumentError as error:
            raise ManifestError(error.problems) from None
        return cls._of(document, file, variables)

    @classmethod
    def loads(
        cls,
        text: str | bytes,
        path: str | os.PathLike[str] = 'manifest.yaml',
        variables: Mapping[str, str] | None = None,
    ) -> 'Manifest':
        """Read a manifest's text. No request is sent.

        :param text: The text.
        :param path: The name of the file that it is, or might be; paths in
            it are relative to its folder.
        :param variables: As for :meth:`load`.
        :raises: :class:`ManifestError`
        """
        file = Path(path)
        try:
            document = reading.read(text, str(file))
        except reading.DocumentError as error:
            raise ManifestError(error.problems) from None
        return cls._of(document, file, variables)

    @classmethod
    def _of(
        cls,
        document: reading.Document,
        path: Path,
        variables: Mapping[str, str] | None,
    ) -> 'Manifest':
        given = os.environ if variables is None else variables
        document.data, found = manifest_variables.fill(document, given)
        found += _schema_problems(document)
        found += checking.problems(document, path.parent)
        if found:
            raise ManifestError(found)
        parts = building.Parts(document.data, path.parent)
        return cls(
            name=document.data['name'],
            targets=parts.targets(),
            accept=parts.accept(),
            images=parts.images(),
            path=path,
            digest=hashlib.sha256(
                json.dumps(document.data, sort_keys=True).encode()
            ).hexdigest(),
        )


@functools.cache
def json_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of manifests, draft 2020-12."""
    file = importlib.resources.files('ims_ext.data') / 'pipeline.schema.json'
    content: Mapping[str, Any] = json.loads(file.read_text('utf-8'))
    return content


def _schema_problems(document: reading.Document) -> list[reading.Problem]:
    try:
        return schema.problems(document, json_schema())
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        raise exceptions.MissingExtraError(
            'pipeline', "A pipeline's manifest"
        ) from error
