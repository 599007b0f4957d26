# SPDX-License-Identifier: Apache-2.0
"""Manifests made of the image definitions of openstack-image-manager."""

from collections.abc import Iterable, Iterator
import dataclasses
import os
from pathlib import Path

from ims_ext import exceptions
from ims_ext.document import reading
from ims_ext.document.reading import Problem
from ims_ext.pipeline.image_manager import definitions
from ims_ext.pipeline.image_manager import translation
from ims_ext.pipeline.image_manager import writing
from ims_ext.pipeline.image_manager.model import Destination as Destination
from ims_ext.pipeline.image_manager.model import Image
from ims_ext.pipeline.manifest import Manifest


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A manifest that was made of definitions.

    :ivar text: The manifest, with comments.
    :ivar images: How many images it has.
    :ivar versions: How many versions these have.
    :ivar disabled: Names of images that are in it as comments alone, for
        their definitions are not enabled.
    :ivar warnings: What of the definitions has no counterpart, with the
        places there.
    """

    text: str
    images: int
    versions: int
    disabled: tuple[str, ...]
    warnings: tuple[Problem, ...]


def convert(
    folder: str | os.PathLike[str],
    destination: Destination,
    *,
    name: str = 'images',
    with_disabled: bool = False,
    path: str | os.PathLike[str] = 'manifest.yaml',
) -> Conversion:
    """Return a manifest made of image definitions. No request is sent.

    :param folder: The folder with the definitions, ``*.yml`` and ``*.yaml``,
        or one file of them.
    :param destination: Where the images will be.
    :param name: The pipeline's name.
    :param with_disabled: Whether images that are not enabled are declared
        as well; by default they are comments.
    :param path: Where the manifest will be written: paths of files in it
        are relative to its folder.
    :raises: :class:`~ims_ext.document.reading.DocumentError` with all that
        is wrong in the definitions;
        :class:`~ims_ext.exceptions.ValidationError` where no image is left;
        :class:`OSError`
    """
    translator = translation.Translator(
        bool(destination.projects), Path(path).parent
    )
    found: list[Problem] = []
    images: dict[str, Image] = {}
    titles: set[str] = set()
    for file in definitions.files(Path(folder)):
        try:
            document = definitions.read(file)
        except reading.DocumentError as error:
            found += error.problems
            continue
        for image in translator.images(document):
            if image.name in images:
                translator.warn_of_second(document, image)
                continue
            if image.settings['name'] in titles:
                translator.rename(document, image)
            else:
                titles.add(image.settings['name'])
            images[image.name] = image
    if found:
        raise reading.DocumentError(found)
    live = [each for each in images.values() if each.is_enabled]
    disabled = [each for each in images.values() if not each.is_enabled]
    if with_disabled:
        live = list(images.values())
    if not live:
        raise exceptions.ValidationError(
            f"{folder} defines no image that is enabled and has a version"
        )
    text = ''.join(
        writing.lines(
            writing.head(name, destination, translator.shares),
            live,
            [] if with_disabled else disabled,
        )
    )
    # What is written is what the rules of manifests allow.
    manifest = Manifest.loads(text, path, {})
    return Conversion(
        text,
        len(manifest.images),
        sum(len(each.versions) for each in manifest.images.values()),
        () if with_disabled else tuple(each.name for each in disabled),
        tuple(sorted(set(translator.warnings))),
    )


def told(warnings: Iterable[Problem]) -> Iterator[str]:
    """Give warnings for people: each once, with all of its places.

    :param warnings: The warnings.
    """
    places: dict[str, list[reading.Place]] = {}
    for each in warnings:
        places.setdefault(each.message, []).append(each.place)
    for message, found in places.items():
        more = ', '.join(
            f'{Path(each.file).name}:{each.line}' for each in found[1:]
        )
        yield f'{found[0]}: {message}' + (f' (also {more})' if more else '')
