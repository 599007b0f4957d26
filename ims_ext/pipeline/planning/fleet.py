# SPDX-License-Identifier: Apache-2.0
"""A target's images by what they are for a pipeline."""

from collections.abc import Iterable, Mapping

from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.seen import SeenTarget

#: An image's name in the manifest, and a version's.
Which = tuple[str, str]


class Fleet:
    """The images of a target: a pipeline's own, and others by name.

    :param manifest: The manifest.
    :param declared: The images' versions, those found among them.
    :param seen: The target as it was seen.

    :ivar own: The pipeline's images, by the image's name and the version,
        the oldest first.
    """

    def __init__(
        self,
        manifest: Manifest,
        declared: Mapping[str, Iterable[str]],
        seen: SeenTarget,
    ) -> None:
        self._pipeline = manifest.name
        self._now = {
            before: name
            for name, image in manifest.images.items()
            for before in (name, *image.previous_names)
        }
        self._by_value = {
            identity.short(f'{before}@{version}'): (name, version)
            for before, name in self._now.items()
            for version in declared[name]
        }
        self.own: dict[str, dict[str, list[SeenImage]]] = {}
        self._others: dict[str, SeenImage] = {}
        for each in sorted(
            seen.images, key=lambda image: (image.created_at, image.id)
        ):
            which = self.which(each)
            if which is None:
                self._others.setdefault(each.name, each)
            else:
                name, version = which
                versions = self.own.setdefault(name, {})
                versions.setdefault(version, []).append(each)

    def which(self, image: SeenImage) -> Which | None:
        """Return which image of the pipeline one is.

        :param image: An image of the target.
        :returns: The image's name as the manifest has it now, and the
            version; ``None`` for images of others.
        """
        told = image.tags.get(identity.PIPELINE_TAG)
        if told is None:
            # Copies have no tags in their first moments.
            if image.words is None:
                return None
            told = image.words.identity.pipeline
        if told != self._pipeline:
            return None
        value = image.tags.get(identity.IMAGE_TAG, '')
        if value in self._by_value:
            return self._by_value[value]
        if image.words is not None:
            name, version = (
                image.words.identity.image,
                image.words.identity.version,
            )
        else:
            name, _, version = value.rpartition('@')
        if not name or not version:
            return None
        return self._now.get(name, name), version

    def versions(self, image: str) -> dict[str, SeenImage]:
        """Return what there is of an image: versions and their images.

        Of several images of one version, the oldest counts, one that can be
        used before one that cannot.

        :param image: The image's name in the manifest.
        """
        return {
            version: min(
                each, key=lambda one: not (one.is_active or one.is_arriving)
            )
            for version, each in self.own.get(image, {}).items()
        }

    def twins(self, image: str) -> dict[str, list[SeenImage]]:
        """Return the images that stand beside those that count.

        :param image: The image's name in the manifest.
        """
        counting = self.versions(image)
        return {
            version: [one for one in each if one is not counting[version]]
            for version, each in self.own.get(image, {}).items()
            if len(each) > 1
        }

    def other(self, name: str) -> SeenImage | None:
        """Return an image that is not the pipeline's, by its name.

        :param name: The name in the cloud.
        """
        return self._others.get(name)


def declared(
    manifest: Manifest, found: Mapping[str, Iterable[model.Version]]
) -> dict[str, dict[str, model.Version]]:
    """Return each image's versions, by name.

    :param manifest: The manifest.
    :param found: Versions that ``versions_from`` found; those that the
        manifest names itself count before them.
    """
    return {
        name: {
            **{each.name: each for each in found.get(name, ())},
            **{each.name: each for each in image.versions},
        }
        for name, image in manifest.images.items()
    }
