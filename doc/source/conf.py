# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the documentation.

It documents the package that is installed, with the extra ``doc``; no other
file of requirements, and no network, is needed.
"""

import builtins
import inspect
import pathlib
import sys
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import ims_ext

sys.path.append(str(pathlib.Path(__file__).parent))

project = 'ims-ext'
author = "The ims-ext developers"
project_copyright = author
version = release = ims_ext.__version__

extensions = [
    'cliff.sphinxext',
    'sphinx.ext.autodoc',
    'sphinxcontrib.towncrier.ext',
    'manifest_keys',
]

root_doc = 'index'
default_role = 'literal'
smartquotes = False

autodoc_member_order = 'bysource'
autodoc_default_options = {
    'members': True,
    # What the descriptions of the resources say already.
    'exclude-members': 'allow_fetch, allow_list, base_path, resources_key',
}
# The names in the descriptions of parameters are explained where they are.
autodoc_typehints_format = 'short'
python_maximum_signature_line_length = 79

autoprogram_cliff_application = 'openstack'
# What cliff adds to every command is described once.
autoprogram_cliff_ignored = [
    '--help',
    '--format',
    '--column',
    '--noindent',
    '--prefix',
    '--max-width',
    '--fit-width',
    '--print-empty',
    '--quote',
    '--sort-column',
    '--sort-ascending',
    '--sort-descending',
]
autoprogram_cliff_app_dist_name = 'ims-ext'

# Fragments of release notes become the notes on what is not released yet.
towncrier_draft_autoversion_mode = 'draft'
towncrier_draft_include_empty = True
towncrier_draft_working_directory = pathlib.Path(__file__).parents[2]

html_theme = 'alabaster'
html_theme_options = {
    'description': (
        "The image service of Huawei-family clouds for openstacksdk and the "
        "openstack command"
    ),
    'fixed_sidebar': True,
    'page_width': '1080px',
    'sidebar_width': '230px',
}
html_show_sourcelink = False
html_copy_source = False


def drop_inherited_signature(
    app: Sphinx,
    what: str,
    name: str,
    documented: Any,
    options: Any,
    signature: str,
    returns: str,
) -> tuple[str, str] | None:
    """Leave out how openstacksdk constructs a class; nobody else does."""
    if what != 'class':
        return None
    module = getattr(documented.__init__, '__module__', '')
    return ('', '') if module.startswith('openstack.') else None


def skip_inherited_methods(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the methods of openstacksdk's that are only wrapped."""
    module = str(getattr(member, '__module__', ''))
    if inspect.isfunction(member) and module.startswith('openstack.'):
        return True
    return None


def unlink_builtins(app: Sphinx, document: nodes.document) -> None:
    """Keep ``type`` in a signature from linking to an attribute ``type``."""
    for node in list(document.findall(addnodes.pending_xref)):
        if node['refdomain'] == 'py' and hasattr(builtins, node['reftarget']):
            node.replace_self(node.children)


def setup(app: Sphinx) -> None:
    """Add what no option does."""
    app.connect('autodoc-process-signature', drop_inherited_signature)
    app.connect('autodoc-skip-member', skip_inherited_methods)
    app.connect('doctree-read', unlink_builtins)
