# SPDX-License-Identifier: Apache-2.0
"""The directive ``manifest-keys``: every key that a manifest may have.

It is made of the JSON Schema in the package, so that it cannot be outdated.
"""

from collections.abc import Iterator, Mapping
import importlib.resources
from typing import Any, TypeAlias

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ims_ext.pipeline.manifest import json_schema

Schema: TypeAlias = Mapping[str, Any]

_FILE = 'pipeline.schema.json'

#: The parts with keys of their own, and what leads to them.
_PARTS = (
    ('target', "A target: ``targets.NAME``"),
    ('group', "A group: ``groups.NAME``"),
    ('acceptor', "Who accepts: ``accept.PROJECT``"),
    ('image', "An image: ``images.NAME``, and ``defaults``"),
    ('versionEntry', "A version: ``images.NAME.versions.VERSION``"),
    ('source', "A source: ``source`` of a version"),
    ('versionsFrom', "Versions that are found: ``versions_from``"),
    ('signature', "A signature: ``signature``"),
    ('convert', "A conversion: ``convert``"),
    ('retention', "Retention: ``retention``"),
    ('channel', "A channel: ``channels.NAME``"),
)
_KINDS = {
    'string': "text",
    'integer': "whole number",
    'number': "number",
    'boolean': "true or false",
    'array': "list",
    'object': "mapping",
    'null': "nothing",
}


class ManifestKeys(SphinxDirective):
    """Shows the keys of manifests."""

    def run(self) -> list[nodes.Node]:
        """Return what is shown."""
        self.env.note_dependency(
            str(importlib.resources.files('ims_ext.data') / _FILE)
        )
        node = nodes.container()
        self.state.nested_parse(
            StringList(list(_lines(json_schema())), 'schema'), 0, node
        )
        return node.children


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Add the directive."""
    app.add_directive('manifest-keys', ManifestKeys)
    return {'parallel_read_safe': True}


def _lines(schema: Schema) -> Iterator[str]:
    parts: Schema = schema['$defs']
    yield from _part("The manifest", schema, parts, ())
    own = set(parts['image']['properties'])
    own -= set(schema['properties']['defaults']['properties'])
    for name, title in _PARTS:
        few = own if name == 'image' else ()
        yield from _part(title, parts[name], parts, few)


def _part(title: str, part: Schema, parts: Schema, own: Any) -> Iterator[str]:
    yield from ('', f'.. rubric:: {title}', '')
    for key, given in part['properties'].items():
        each = _whole(given, parts)
        said = [_kind(each, parts)]
        if key in part.get('required', ()):
            said.append("required")
        if 'default' in each:
            said.append(f"``{_written(each['default'])}`` by default")
        if key in own:
            said.append("not in ``defaults``")
        yield f'``{key}``: {", ".join(said)}'
        yield f'   {_description(key, each)}'
        yield ''
        if each.get('properties') and '$ref' not in given:
            for inner, one in _inner(key, each):
                whole = _whole(one, parts)
                yield f'``{key}.{inner}``: {_kind(whole, parts)}, ' + (
                    f"``{_written(whole['default'])}`` by default"
                )
                yield f'   {_description(inner, whole)}'
                yield ''


def _inner(key: str, part: Schema) -> Iterator[tuple[str, Schema]]:
    # Those of the defaults are the images'.
    if key != 'defaults':
        yield from part['properties'].items()


def _whole(given: Schema, parts: Schema) -> dict[str, Any]:
    """Return a part with what it refers to; its own words count."""
    if '$ref' not in given:
        return dict(given)
    name = given['$ref'].rpartition('/')[2]
    return {**_whole(parts[name], parts), **given}


def _kind(part: Schema, parts: Schema) -> str:
    if 'const' in part:
        return f"``{part['const']}``"
    if 'enum' in part:
        return "one of " + ', '.join(f"``{each}``" for each in part['enum'])
    if 'anyOf' in part:
        kinds = [_kind(_whole(each, parts), parts) for each in part['anyOf']]
        return ' or '.join(kinds)
    return _KINDS[part['type']]


def _description(key: str, part: Schema) -> str:
    said = [str(part.get('description') or f"The manifest's {key}.")]
    if words := part.get('errorMessage'):
        said.append(f"It {words}.")
    for bound, what in (('minimum', "At least"), ('maximum', "At most")):
        if bound in part:
            said.append(f"{what} {part[bound]}.")
    # Nothing in it is markup.
    text = ' '.join(said)
    for sign in '\\*`|_':
        text = text.replace(sign, f'\\{sign}')
    return text


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
