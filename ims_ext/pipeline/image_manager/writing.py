# SPDX-License-Identifier: Apache-2.0
"""A manifest's text, with comments."""

from collections.abc import Iterable, Iterator, Mapping
import json
import re
from typing import Any

from ims_ext.pipeline.image_manager.model import GROUP
from ims_ext.pipeline.image_manager.model import Destination
from ims_ext.pipeline.image_manager.model import Image

#: Texts that YAML takes for nothing else when they are without quotes.
_PLAIN = re.compile(r'[A-Za-z_][A-Za-z_-]*')
_WORDS = frozenset(
    ('true', 'false', 'yes', 'no', 'on', 'off', 'null', 'y', 'n')
)


def head(name: str, destination: Destination, shares: bool) -> Iterator[str]:
    """Give the lines before the images.

    :param name: The pipeline's name.
    :param destination: Where the images are.
    :param shares: Whether any image is shared with the projects.
    """
    yield "# Made of the image definitions of openstack-image-manager.\n"
    yield "# See what it would do: openstack ims pipeline plan FILE\n"
    target = {
        key: value
        for key in ('cloud', 'region', 'bucket')
        if (value := getattr(destination, key)) is not None
    }
    content: dict[str, Any] = {
        'apiVersion': 'ims-ext/v1',
        'kind': 'ImagePipeline',
        'name': name,
        'targets': {destination.target: target},
    }
    if shares:
        content['groups'] = {GROUP: {'projects': list(destination.projects)}}
    yield from _block(content, 0)


def lines(
    head: Iterable[str],
    images: Iterable[Image],
    disabled: Iterable[Image],
) -> Iterator[str]:
    """Give the lines of a manifest.

    :param head: What is before the images.
    :param images: The images.
    :param disabled: Images that are written as comments.
    """
    yield from head
    yield 'images:\n'
    for each in images:
        yield from _image(each)
    for each in disabled:
        for line in _image(each):
            yield f'#{line}' if line.strip() else line


def _image(image: Image) -> Iterator[str]:
    yield '\n'
    for comment in image.comments:
        yield f'  # {_printable(comment)}\n'
    yield f'  {_scalar(image.name)}:\n'
    yield from _block(image.settings, 4)
    yield '    versions:\n'
    for version in image.versions:
        comment = ', '.join(version.comments)
        remark = f'  # {_printable(comment)}' if comment else ''
        yield f'      {_scalar(version.name, is_text=True)}:{remark}\n'
        yield from _block(version.settings, 8)


def _block(content: Mapping[str, Any], indent: int) -> Iterator[str]:
    blank = ' ' * indent
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield f'{blank}{_scalar(key)}:\n'
            yield from _block(value, indent + 2)
        elif isinstance(value, list):
            yield f'{blank}{_scalar(key)}:\n'
            for each in value:
                yield f'{blank}  - {_flow(each)}\n'
        else:
            yield f'{blank}{_scalar(key)}: {_flow(value)}\n'


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ', '.join(
            f'{_scalar(key)}: {_flow(each)}' for key, each in value.items()
        )
        return f'{{{inner}}}'
    if isinstance(value, str):
        # Dollar signs begin variables.
        return _scalar(value.replace('$', '$$'))
    return json.dumps(value)


def _scalar(text: str, is_text: bool = False) -> str:
    if not is_text and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _printable(text: str) -> str:
    return ''.join(
        each if each.isprintable() else ascii(each)[1:-1] for each in text
    )
