# SPDX-License-Identifier: Apache-2.0
"""Plans: what is to be done so that the clouds are as the manifest says."""

from collections.abc import Collection

from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.planning import fleet as _fleet
from ims_ext.pipeline.planning.image import ImagePlanner
from ims_ext.pipeline.planning.model import Action as Action
from ims_ext.pipeline.planning.model import Item as Item
from ims_ext.pipeline.planning.model import Kind as Kind
from ims_ext.pipeline.planning.model import Plan as Plan
from ims_ext.pipeline.planning.model import Quota as Quota
from ims_ext.pipeline.planning.model import Route as Route
from ims_ext.pipeline.seen import Seen


def make(manifest: Manifest, seen: Seen, adopt: Collection[str] = ()) -> Plan:
    """Return what leads from the clouds as they were seen to the manifest.

    Nothing is asked and nothing is done here: the same manifest and the same
    sight give the same plan.

    :param manifest: What is to be.
    :param seen: What is.
    :param adopt: Images to take over although they carry no identity, as
        ``IMAGE@VERSION``.
    """
    declared = _fleet.declared(manifest, seen.found)
    fleets = {
        name: _fleet.Fleet(manifest, declared, each)
        for name, each in seen.targets.items()
        if each.problem is None
    }
    actions: list[Action] = []
    for name, image in manifest.images.items():
        planner = ImagePlanner(
            manifest, image, declared[name], seen, fleets, frozenset(adopt)
        )
        actions += planner.actions()
    actions += _orphans(manifest, fleets)
    return Plan(
        pipeline=manifest.name,
        at=seen.at,
        actions=tuple(actions),
        quotas=_quotas(seen, actions),
        unseen={
            name: each.problem
            for name, each in seen.targets.items()
            if each.problem is not None
        },
        images=len(manifest.images),
        seen=sum(len(each.images) for each in seen.targets.values()),
        seconds=seen.seconds,
        manifest=manifest.digest,
    )


def _orphans(
    manifest: Manifest, fleets: dict[str, _fleet.Fleet]
) -> list[Action]:
    """Return the pipeline's images that the manifest does not name."""
    return [
        Action(
            Kind.KEEP,
            Item(name, version, target),
            "kept: the manifest has no such image",
            one.id,
        )
        for target, fleet in fleets.items()
        for name, versions in fleet.own.items()
        if name not in manifest.images
        for version, images in versions.items()
        for one in images
    ]


def _quotas(seen: Seen, actions: list[Action]) -> tuple[Quota, ...]:
    made = [each.item.target for each in actions if each.kind is Kind.MAKE]
    return tuple(
        Quota(name, each.quota, each.used + made.count(name))
        for name, each in seen.targets.items()
        if each.problem is None
    )
