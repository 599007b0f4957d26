# SPDX-License-Identifier: Apache-2.0
"""The clouds as a run has seen them: what plans are made from."""

from collections.abc import Mapping
import dataclasses
import datetime

from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import model

#: Statuses of images that are on their way to be active.
ARRIVING = frozenset({'queued', 'saving', 'importing', 'creating'})

#: Statuses of members.
ACCEPTED = 'accepted'
PENDING = 'pending'
REJECTED = 'rejected'


@dataclasses.dataclass(frozen=True)
class SeenImage:
    """An image of a target's own project.

    :ivar id: Its ID.
    :ivar status: As the service says it, in small letters.
    :ivar created_at: When it was made, in UTC.
    :ivar updated_at: When it has changed last, in UTC, where that is told.
    :ivar size: Bytes of its file, where the service tells them.
    :ivar description: Its description, the pipeline's words left out.
    :ivar words: The pipeline's words at the description's end.
    :ivar tags: Its tags: keys and values.
    :ivar attributes: What a manifest may name, under the same names.
    :ivar properties: Further attributes by their names in the service.
    :ivar members: Who it is shared with: project IDs and statuses; ``None``
        where it was not looked at.
    :ivar servers: Names of the project's servers that were made from it.
    """

    id: str
    name: str
    status: str
    created_at: datetime.datetime
    size: int = 0
    description: str = ''
    words: identity.Words | None = None
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    attributes: Mapping[str, str | int | None] = dataclasses.field(
        default_factory=dict
    )
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_protected: bool = False
    is_hidden: bool = False
    updated_at: datetime.datetime | None = None
    members: Mapping[str, str] | None = None
    servers: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it can be used."""
        return self.status == 'active'

    @property
    def is_arriving(self) -> bool:
        """Whether it is still being made."""
        return self.status in ARRIVING

    @property
    def is_silent(self) -> bool:
        """Whether nothing in it tells whose it is."""
        return not (self.tags or self.words or self.description)


@dataclasses.dataclass(frozen=True)
class SeenTarget:
    """A target's project, or why it could not be seen.

    :ivar name: The target's name in the manifest.
    :ivar project_id: The project's ID.
    :ivar region: The region's name.
    :ivar images: The project's own images.
    :ivar quota: Images that the project may own, ``None`` where not known.
    :ivar used: Images that count for it.
    :ivar projects: IDs of the projects that images are shared with here, by
        the manifest's names; one that is not among them was not found.
    :ivar project_problems: Why projects could not be looked for, by the
        manifest's names.
    :ivar problem: Why there is nothing to be believed of it, if so.
    :ivar servers_problem: Why its servers could not be seen, if so.
    """

    name: str
    project_id: str = ''
    region: str = ''
    images: tuple[SeenImage, ...] = ()
    quota: int | None = None
    used: int = 0
    projects: Mapping[str, str] = dataclasses.field(default_factory=dict)
    project_problems: Mapping[str, str] = dataclasses.field(
        default_factory=dict
    )
    problem: str | None = None
    servers_problem: str | None = None


@dataclasses.dataclass(frozen=True)
class SeenVersion:
    """What is known of a version's source before it is fetched.

    :ivar digest: What identifies the source's content, as a tag's value;
        ``None`` where nothing says it before it is fetched.
    :ivar size: Bytes of the source, where its place tells them.
    :ivar proof: How the content is proven, for people: ``sha256 3c4a…
        signed``.
    :ivar problem: Why the source cannot be used, if so.
    :ivar lacking: What this machine needs for it and has not, for people.
    :ivar is_brief: Whether its place has not been asked: nothing is known
        but what the manifest says.
    """

    digest: str | None = None
    size: int | None = None
    proof: str = ''
    problem: str | None = None
    lacking: str = ''
    is_brief: bool = False


@dataclasses.dataclass(frozen=True)
class Seen:
    """All that a plan is made from, beside the manifest.

    :ivar at: When it was seen, in UTC.
    :ivar targets: The targets, by their names in the manifest.
    :ivar found: Versions that ``versions_from`` found, by the image's name.
    :ivar sources: What is known of sources: by image and version.
    :ivar problems: Why versions of images could not be found, by the
        image's name.
    :ivar seconds: How long looking took.
    """

    at: datetime.datetime
    targets: Mapping[str, SeenTarget]
    found: Mapping[str, tuple[model.Version, ...]] = dataclasses.field(
        default_factory=dict
    )
    sources: Mapping[tuple[str, str], SeenVersion] = dataclasses.field(
        default_factory=dict
    )
    problems: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
