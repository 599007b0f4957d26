# SPDX-License-Identifier: Apache-2.0
"""Versions that are found at an address: what its folder lists."""

from collections.abc import Iterator
import contextlib
import dataclasses
import html.parser
import json
import re
import urllib.parse

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.sources import addresses
from ims_ext.pipeline.sources.errors import PlaceError
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.places import Places

#: Bytes that a page may have, and names that are looked at.
LONGEST = 16 * 1024**2
_MOST_NAMES = 100_000
#: What a version may be called in a manifest. A pattern sees nothing that is
#: longer, so that it takes no time without end.
_VERSION = re.compile(r'[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?')
_OPEN = '{version}'


@dataclasses.dataclass(frozen=True)
class Template:
    """A URL with ``{version}`` in it.

    :ivar folder: The URL of the page that lists versions.
    :ivar before: What a name in it begins with, before the version.
    :ivar after: What it ends with.
    """

    folder: str
    before: str
    after: str

    @classmethod
    def of(cls, url: str) -> 'Template':
        """Return the parts of a URL.

        :param url: The URL.
        """
        start, _, rest = url.partition(_OPEN)
        folder, _, before = start.rpartition('/')
        after = re.split('[/?#]', rest, maxsplit=1)[0]
        return cls(f'{folder}/', before, after.replace(_OPEN, ''))

    def version_in(self, name: str) -> str | None:
        """Return the version in a name of the folder.

        :param name: The name.
        """
        end = len(name) - len(self.after)
        if not name.startswith(self.before) or not name.endswith(self.after):
            return None
        found = name[len(self.before) : end]
        return found if _VERSION.fullmatch(found) else None


def find(
    places: Places, image: model.Image, given: model.VersionsFrom
) -> list[str]:
    """Return the versions that an address has: the newest, the newest first.

    :param places: Fetches pages.
    :param image: The image.
    :param given: Where its versions are.
    :raises: :class:`.errors.SourceError` where that cannot be seen.
    """
    problems = []
    for url in given.urls:
        template = Template.of(url)
        try:
            page = places.text(template.folder, LONGEST)
        except PlaceError as error:
            problems.append(str(error))
            continue
        found = _versions(page, template, given)
        if not found:
            problems.append(
                f"{addresses.shown(template.folder)} lists no version of "
                f"{image.name}"
            )
            continue
        return versions.newest_first(found)[: given.newest]
    raise SourceError(
        f"no versions of {image.name} were found: {'; '.join(problems)}"
    )


def version(given: model.VersionsFrom, name: str) -> model.Version:
    """Return a version of an address.

    :param given: Where the versions are.
    :param name: The version's name.
    """

    def at(location: str | None) -> str | None:
        return None if location is None else location.replace(_OPEN, name)

    signature = given.signature
    if signature is not None:
        signature = dataclasses.replace(
            signature, location=str(at(signature.location))
        )
    return model.Version(
        name=name,
        sources=tuple(
            model.UrlSource(str(at(url)), at(given.member))
            for url in given.urls
        ),
        checksums=at(given.checksums),
        signature=signature,
    )


def _versions(
    page: bytes, template: Template, given: model.VersionsFrom
) -> set[str]:
    pattern = re.compile(given.pattern)
    found = set()
    for count, name in enumerate(_names(page, template.folder)):
        if count >= _MOST_NAMES:
            break
        one = template.version_in(name)
        if one is not None and pattern.fullmatch(one):
            found.add(one)
    return found


def _names(page: bytes, folder: str) -> Iterator[str]:
    """Give the names in a folder, by a page that lists them."""
    text = page.decode('utf-8', 'replace')
    start = text.lstrip()[:1]
    if start in ('[', '{'):
        with contextlib.suppress(ValueError, RecursionError):
            yield from _names_of_json(json.loads(text))
        return
    if start == '<':
        links = _Links()
        links.feed(text)
        for each in links.found:
            if name := _name_of(each, folder):
                yield name
        return
    for line in text.splitlines():
        # As ``ls`` lists, with or without details.
        words = line.split()
        if len(words) == 1 or (len(words) > 8 and line[:1] in '-d'):
            yield words[-1].rstrip('/')


def _names_of_json(listed: object) -> Iterator[str]:
    if isinstance(listed, dict):
        listed = listed.get('files') or listed.get('entries') or list(listed)
    for each in listed if isinstance(listed, list) else ():
        name = each.get('name') if isinstance(each, dict) else each
        if isinstance(name, str):
            yield name.strip('/')


def _name_of(link: str, folder: str) -> str | None:
    """Return the name in a folder that a link leads to."""
    try:
        whole = urllib.parse.urljoin(folder, link)
    except ValueError:
        return None
    if not whole.startswith(folder):
        return None
    name = re.split('[/?#]', whole[len(folder) :], maxsplit=1)[0]
    return urllib.parse.unquote(name)


class _Links(html.parser.HTMLParser):
    """The links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        if tag == 'a':
            self.found += [
                value for key, value in attrs if key == 'href' and value
            ]
