# SPDX-License-Identifier: Apache-2.0
"""The plan of one image: what its versions need at its targets."""

from collections.abc import Collection, Iterator, Mapping
import datetime

from ims_ext.exceptions import secret_text
from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import channels
from ims_ext.pipeline.planning import drift
from ims_ext.pipeline.planning import retiring
from ims_ext.pipeline.planning import routes
from ims_ext.pipeline.planning import sharing
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.planning.fleet import Fleet
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.seen import SeenVersion

#: How long an image may be without tags that it was to have from the
#: beginning: while it is being made, and after that.
_LONGEST_JOB = datetime.timedelta(hours=1)
_LONGEST_SETTLING = datetime.timedelta(seconds=30)


class ImagePlanner:
    """The actions that an image needs.

    :param manifest: The manifest.
    :param image: The image.
    :param declared: Its versions, those that were found among them.
    :param seen: The clouds as they were seen.
    :param fleets: The images of each target that could be seen.
    :param adopt: Images to take over, as ``IMAGE@VERSION``.
    """

    def __init__(
        self,
        manifest: Manifest,
        image: model.Image,
        declared: Mapping[str, model.Version],
        seen: Seen,
        fleets: Mapping[str, Fleet],
        adopt: Collection[str],
    ) -> None:
        self._manifest = manifest
        self._image = image
        self._declared = declared
        self._seen = seen
        self._adopt = adopt
        self._fleets = {
            name: fleets[name]
            for name in _origins_first(manifest, image.targets)
            if name in fleets
        }
        self._present = {
            name: fleet.versions(image.name)
            for name, fleet in self._fleets.items()
        }
        self._wanted = versions.newest_first(versions.wanted(image, declared))

    def actions(self) -> Iterator[Action]:
        """Give the actions, in the order in which they are shown."""
        made = [
            action
            for version in self._wanted
            for action in self._makings(version)
        ]
        made += self._not_found()
        yield from made
        yield from self._changes()
        moves = channels.Channels(
            self._image, self._declared, self._seen, self._present, made
        )
        yield from moves.actions
        yield from sharing.actions(
            self._manifest,
            self._image,
            self._seen,
            self._present,
            made,
            moves.then,
            self._wanted,
        )
        yield from self._twins()
        yield from retiring.actions(
            self._image,
            self._wanted,
            self._seen,
            self._present,
            made,
            moves.then,
        )

    # ====== MAKING ======

    def _not_found(self) -> Iterator[Action]:
        """Tell that there may be versions that could not be seen."""
        problem = self._seen.problems.get(self._image.name)
        if problem is not None:
            for target in self._fleets:
                yield Action(
                    Kind.REFUSE,
                    Item(self._image.name, 'newest', target),
                    problem,
                )

    def _makings(self, version: str) -> Iterator[Action]:
        """Give what brings a version to the targets that lack it."""
        at = {
            target
            for target, present in self._present.items()
            if version in present and present[version].is_active
        }
        making: set[str] = set()
        for target in self._fleets:
            item = Item(self._image.name, version, target)
            there = self._present[target].get(version)
            if there is None:
                action = self._making(item, at | making)
            elif there.is_arriving:
                action = Action(
                    Kind.WAIT,
                    item,
                    f"is {there.status}; it is still being made",
                    there.id,
                    details={'arriving': there.status},
                )
            elif there.is_active:
                continue
            else:
                yield Action(
                    Kind.DELETE,
                    item,
                    f"is {there.status}: it cannot be used",
                    there.id,
                    details={'broken': True},
                )
                action = self._making(item, at | making)
            if action.kind is Kind.MAKE:
                making.add(target)
            origin = action.details.get('from')
            if origin in making:
                yield _after(action, Item(item.image, version, str(origin)))
            else:
                yield action

    def _making(self, item: Item, at: Collection[str]) -> Action:
        name = self._image.cloud_name(item.version)
        other = self._fleets[item.target].other(name)
        if other is not None:
            if owner := _pipeline_of(other):
                return Action(
                    Kind.FOREIGN,
                    item,
                    f"not ours: {name} is the pipeline {owner}'s, which has "
                    "to let it go before it can be taken over",
                    other.id,
                )
            if item.label in self._adopt:
                return Action(
                    Kind.ADOPT, item, f"taken over: {name}", other.id
                )
            if _may_be_ours(other, self._seen.at):
                return Action(
                    Kind.WAIT,
                    item,
                    f"{name} is new, and does not tell yet whose it is",
                    other.id,
                    details={'unknown': True},
                )
            return Action(
                Kind.FOREIGN,
                item,
                f"not ours: same name, no tag (--adopt {item.label} takes it)",
                other.id,
            )
        version = self._declared[item.version]
        known = self._known(item.version)
        if known.problem is not None:
            return Action(Kind.REFUSE, item, known.problem)
        way = routes.way(
            self._manifest,
            self._image,
            version,
            self._manifest.targets[item.target],
            known,
            at,
        )
        if way.route is None:
            return Action(Kind.REFUSE, item, way.reason)
        return Action(
            Kind.MAKE,
            item,
            way.reason,
            details={
                'route': str(way.route),
                # A URL may be signed.
                'source': secret_text.masked(way.source),
                'from': way.origin,
                'size': known.size,
                'digest': known.digest,
                'proof': known.proof,
            },
        )

    def _known(self, version: str) -> SeenVersion:
        return self._seen.sources.get(
            (self._image.name, version), SeenVersion()
        )

    # ====== CHANGING ======

    def _changes(self) -> Iterator[Action]:
        for version in self._wanted:
            for target, present in self._present.items():
                there = present.get(version)
                if there is not None and there.is_active:
                    item = Item(self._image.name, version, target)
                    yield from self._changed(item, there)

    def _changed(self, item: Item, there: SeenImage) -> Iterator[Action]:
        carried = digest_of(there)
        known = self._known(item.version).digest
        which = identity.Identity(
            self._manifest.name,
            item.image,
            item.version,
            carried or known or identity.digest(str(item).encode()),
        )
        found = list(drift.changes(self._image, which, there))
        if found:
            yield Action(
                Kind.CHANGE,
                item,
                '; '.join(str(each) for each in found),
                there.id,
                details={
                    'changes': [each.as_json() for each in found],
                    'digest': which.digest,
                },
            )
        if carried and known and carried != known:
            yield Action(
                Kind.KEEP,
                item,
                "kept as it is: its source is another one now; what is new "
                "needs a version of its own",
                there.id,
            )
        for each in drift.fixed(self._image, there):
            yield Action(
                Kind.KEEP,
                item,
                f"{each}: cannot be changed; it needs a new version",
                there.id,
            )

    def _twins(self) -> Iterator[Action]:
        """Give the deletions of images that were made twice."""
        for target, fleet in self._fleets.items():
            for version, others in fleet.twins(self._image.name).items():
                item = Item(self._image.name, version, target)
                counts = self._present[target][version]
                for one in others:
                    kept = retiring.reason_to_keep(
                        self._image.retention, one, self._seen.targets[target]
                    )
                    twice = f"{counts.id} is the same, and older"
                    yield Action(
                        Kind.KEEP if kept else Kind.DELETE,
                        item,
                        f"kept: {kept}; {twice}" if kept else twice,
                        one.id,
                        details={
                            'twin_of': counts.id,
                            **(kept.details if kept else {}),
                        },
                    )


def _may_be_ours(image: SeenImage, now: datetime.datetime) -> bool:
    """Whether an image may yet get the tags that its request has asked for.

    Clouds set them, and the description, when the job has ended that makes
    the image.
    """
    if not image.is_silent:
        return False
    age = now - (image.updated_at or image.created_at)
    # What is queued waits for data: no job is at it.
    is_in_job = image.is_arriving and image.status != 'queued'
    return age < (_LONGEST_JOB if is_in_job else _LONGEST_SETTLING)


def _pipeline_of(image: SeenImage) -> str | None:
    """Return the pipeline that an image says it is of."""
    if told := image.tags.get(identity.PIPELINE_TAG):
        return told
    return image.words.identity.pipeline if image.words else None


def digest_of(image: SeenImage) -> str | None:
    """Return what an image in the cloud says that it was made of.

    :param image: The image.
    """
    if told := image.tags.get(identity.DIGEST_TAG):
        return told
    return image.words.identity.digest if image.words else None


def _after(action: Action, item: Item) -> Action:
    return Action(
        action.kind,
        action.item,
        f"{action.reason}, after it is there",
        action.image_id,
        (item,),
        action.details,
    )


def _origins_first(
    manifest: Manifest, names: Collection[str]
) -> Iterator[str]:
    """Give targets such that copies come after what they are copied from."""
    done: set[str] = set()
    waiting = list(names)
    while waiting:
        ready = [
            name
            for name in waiting
            if manifest.targets[name].copy_from not in waiting
        ]
        # A manifest has no circles; were there one, nothing would be lost.
        for name in ready or waiting:
            if name not in done:
                done.add(name)
                yield name
        waiting = [name for name in waiting if name not in done]
