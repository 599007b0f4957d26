# SPDX-License-Identifier: Apache-2.0
"""Attributes of resources that ``help()`` explains.

Editors and Sphinx read the text below an attribute in the source. So does
this, when somebody asks, and not before.
"""

import ast
from collections.abc import Mapping
import functools
import inspect
import itertools
import textwrap
from typing import Any

from openstack import fields


class _Named:
    """An attribute that knows where it is declared."""

    owner: type[Any] | None = None
    name_there = ''

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.owner = owner
        self.name_there = name


def _explanation(attribute: _Named) -> str | None:
    """Return the text below an attribute in the source."""
    owner: Any = attribute.owner
    return owner and _explanations(owner).get(attribute.name_there)


class BodyAttribute(_Named, fields.Body):
    # A class without a text of its own would hide an inherited one.
    __doc__ = property(_explanation)


class UriAttribute(_Named, fields.URI):
    __doc__ = property(_explanation)


def body(name: str, **options: Any) -> Any:
    """Return an attribute that travels in the body.

    :param name: Its name on the wire.
    :param options: As for :func:`openstack.resource.Body`.
    """
    return BodyAttribute(name, **options)


def uri(name: str, **options: Any) -> Any:
    """Return an attribute that travels in the path.

    :param name: Its name in the path.
    :param options: As for :func:`openstack.resource.URI`.
    """
    return UriAttribute(name, **options)


@functools.cache
def _explanations(owner: Any) -> Mapping[str, str]:
    """Return the texts below a class's attributes, by their names."""
    try:
        source = textwrap.dedent(inspect.getsource(owner))
    except (OSError, TypeError):
        # Installed without it.
        return {}
    (declaration,) = ast.parse(source).body
    found: dict[str, str] = {}
    lines = declaration.body if isinstance(declaration, ast.ClassDef) else []
    for line, below in itertools.pairwise(lines):
        match line, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name))
                | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = inspect.cleandoc(text)
    return found
