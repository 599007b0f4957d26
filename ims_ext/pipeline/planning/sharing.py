# SPDX-License-Identifier: Apache-2.0
"""Who an image is shared with, and who is to be asked for an answer."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning.channels import Spot
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.seen import ACCEPTED
from ims_ext.pipeline.seen import PENDING
from ims_ext.pipeline.seen import REJECTED
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.seen import SeenTarget


def actions(
    manifest: Manifest,
    image: model.Image,
    seen: Seen,
    present: Mapping[str, Mapping[str, SeenImage]],
    made: Sequence[Action],
    then: Mapping[Spot, Sequence[model.Channel]],
    wanted: Collection[str],
) -> Iterator[Action]:
    """Give what leads to the members that the manifest names.

    Of a version that retires, nobody loses what they have accepted: it would
    be free to be deleted by that.

    :param manifest: The manifest.
    :param image: The image.
    :param seen: The clouds as they were seen.
    :param present: Its versions at each target that could be seen.
    :param made: The actions that make what is missing.
    :param then: The channels that are at each version afterwards.
    :param wanted: The versions that are to be there.
    """
    making = {each.item: each for each in made if each.kind is Kind.MAKE}
    named = (*image.share, *(p for c in image.channels for p in c.share))
    spots = {
        (target, version)
        for target, there in present.items()
        for version in there
    } | {(item.target, item.version) for item in making}
    for target, version in sorted(spots):
        item = Item(image.name, version, target)
        one = present[target].get(version)
        if one is not None and not one.is_active and item not in making:
            continue
        projects = list(image.share)
        for channel in then.get((target, version), ()):
            projects += channel.share
        yield from _shared(
            manifest,
            seen.targets[target],
            item,
            one if one is not None and one.is_active else None,
            dict.fromkeys(projects),
            named,
            making.get(item),
            () if version in wanted else (ACCEPTED,),
        )


def _shared(
    manifest: Manifest,
    at: SeenTarget,
    item: Item,
    one: SeenImage | None,
    projects: Mapping[str, None],
    named: Sequence[str],
    making: Action | None,
    left: Collection[str],
) -> Iterator[Action]:
    """Give the actions of one image; members of some statuses are left."""
    if one is not None and one.members is None:
        # Nobody looked, since nobody is named: there is nothing to say.
        return
    image_id = one.id if one else None
    members = dict(one.members or {}) if one else {}
    wanted: dict[str, str] = {}
    for name in projects:
        if name not in at.projects:
            why = at.project_problems.get(
                name, "no such project could be found here"
            )
            yield Action(
                Kind.REFUSE,
                item,
                f"cannot be shared with {name}: {why}",
                image_id,
            )
        elif at.projects[name] != at.project_id:
            wanted[at.projects[name]] = name
    add = [each for each in wanted if each not in members]
    known = {at.projects.get(name) for name in named}
    # A project that was not found may be any of them.
    remove = (
        []
        if None in known
        else [
            each
            for each, status in members.items()
            if each not in known and status not in left
        ]
    )
    rejected = [
        wanted[each] for each in wanted if members.get(each) == REJECTED
    ]
    after = (item,) if making else ()
    if add or remove:
        yield Action(
            Kind.SHARE,
            item,
            _sharing(add, remove, len(wanted) - len(add), rejected),
            image_id,
            after,
            {'add': add, 'remove': remove},
        )
    elif rejected:
        yield Action(
            Kind.KEEP,
            item,
            f"has been rejected by {', '.join(rejected)}",
            image_id,
        )
    waiting = [
        each for each in wanted if each in add or members.get(each) == PENDING
    ]
    answered = [each for each in waiting if wanted[each] in manifest.accept]
    if answered:
        yield Action(
            Kind.ACCEPT,
            item,
            f"accepted by {', '.join(wanted[each] for each in answered)}",
            image_id,
            after,
            {'accept': {each: wanted[each] for each in answered}},
        )
    pending = [
        wanted[each]
        for each in waiting
        if each not in add and each not in answered
    ]
    if pending:
        yield Action(
            Kind.WAIT,
            item,
            f"not answered yet by {', '.join(pending)}",
            image_id,
        )


def _sharing(
    add: Sequence[str],
    remove: Sequence[str],
    same: int,
    rejected: Sequence[str],
) -> str:
    said = []
    if add:
        said.append(f"share with {_count(add)}")
    if remove:
        said.append(f"no longer with {_count(remove)}")
    if same:
        said.append(f"{same} as they are")
    if rejected:
        said.append(f"rejected by {', '.join(rejected)}")
    return ', '.join(said)


def _count(projects: Sequence[str]) -> str:
    return f"{len(projects)} project{'s' if len(projects) != 1 else ''}"


def accepted_by(image: SeenImage) -> list[str]:
    """Return the IDs of the projects that have accepted an image.

    :param image: The image.
    """
    members = image.members or {}
    return [each for each, status in members.items() if status == ACCEPTED]
