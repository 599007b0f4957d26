# SPDX-License-Identifier: Apache-2.0
"""The directives ``ims-methods`` and ``error-codes``.

They are made of the classes and the catalogue in the package, so that they
cannot be outdated.
"""

from collections.abc import Iterator, Mapping
import inspect

from docutils import nodes
from docutils.statemachine import StringList
from openstack.image.v2 import _proxy as image_proxy
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import types

#: The nouns, with the modules of the capabilities that are about each.
_NOUNS = {
    "Image": ('cloud_image', 'native'),
    "Image from a file or an object": ('file_import', 'creation'),
    "Image from a server, a volume or a backup": (
        'server_image',
        'whole_image',
    ),
    "Image data": ('transfer',),
    "Image of a pipeline": ('capability',),
    "Image tag": ('tag', 'tag_search'),
    "Image member": ('member',),
    "Job": ('job', 'job_progress'),
    "Quota": ('quota',),
    "Operating system": ('os_version',),
    "Version of the API": ('version',),
    "Abandoned": ('legacy',),
    "Request": ('proxy',),
}


class Methods(SphinxDirective):
    """Shows the methods of ``conn.ims``, noun by noun."""

    def run(self) -> list[nodes.Node]:
        """Return what is shown."""
        return _parsed(self, _methods())


class ErrorCodes(SphinxDirective):
    """Shows the codes of the catalogue, with their classes."""

    def run(self) -> list[nodes.Node]:
        """Return what is shown."""
        return _parsed(self, _codes())


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Add the directives."""
    app.add_directive('ims-methods', Methods)
    app.add_directive('error-codes', ErrorCodes)
    return {'parallel_read_safe': True}


def _parsed(
    directive: SphinxDirective, lines: Iterator[str]
) -> list[nodes.Node]:
    node = nodes.container()
    directive.state.nested_parse(StringList(list(lines), 'code'), 0, node)
    return node.children


def _methods() -> Iterator[str]:
    found = {
        kind.__module__.rpartition('.')[2]: kind
        for kind in types.ImageService.__mro__
        if issubclass(kind, proxy.Proxy) and any(_own(kind))
    }
    told = {name for names in _NOUNS.values() for name in names}
    if told != set(found):
        raise ExtensionError(f"no noun, or no class: {told ^ set(found)}")
    own = set()
    for noun, names in _NOUNS.items():
        yield from ('', f'.. rubric:: {noun}', '')
        for name in names:
            for method in _own(found[name]):
                own.add(method)
                yield from _method(found[name], method)
    inherited = sorted(set(_own(image_proxy.Proxy)) - own)
    yield from ('', '.. rubric:: Inherited from ``conn.image``', '')
    yield ', '.join(f'``{name}``' for name in inherited)


def _own(kind: type) -> Iterator[str]:
    """Give the names of the public methods that a class defines itself."""
    for name, value in vars(kind).items():
        if inspect.isfunction(value) and not name.startswith('_'):
            yield name


def _method(kind: type, name: str) -> Iterator[str]:
    method = getattr(kind, name)
    signature = inspect.signature(method)
    _, *parameters = (
        each.replace(annotation=inspect.Parameter.empty)
        for each in signature.parameters.values()
    )
    short = inspect.Signature(parameters)
    path = f'{kind.__module__}.{kind.__qualname__}.{name}'
    first = (inspect.getdoc(method) or '').partition('\n')[0]
    yield f'- :py:meth:`{name}{short} <{path}>`: {first}'


def _codes() -> Iterator[str]:
    yield from ('.. list-table::', '   :header-rows: 1', '')
    yield from _row("Code", "Status", "Class", "Meaning", "What to do")
    for code, entry in exceptions.catalogue.items():
        kind = exceptions.class_of(entry.status, code)
        link = f':py:class:`~ims_ext.exceptions.{kind.__name__}`'
        status = str(entry.status)
        yield from _row(
            f'``{code}``', status, link, entry.meaning, entry.advice
        )


def _row(*cells: str) -> Iterator[str]:
    for mark, cell in zip('*    ', cells, strict=True):
        yield f'   {mark} - {cell}'
