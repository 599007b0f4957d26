# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the documentation.

It documents the package that is installed, with the extra ``doc``; no other
file of requirements is needed. Without a network, names of other projects
are not linked.
"""

import builtins
import inspect
import pathlib
import sys
from typing import Any
import urllib.request

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
    'sphinx.ext.intersphinx',
    'sphinx_copybutton',
    'sphinxcontrib.towncrier.ext',
    'manifest_keys',
    'reference_tables',
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

html_theme = 'furo'
html_title = f'ims-ext {release}'
html_static_path = ['static']
html_css_files = ['site.css']
# What is copied is what is typed: no prompts, and no output after them.
copybutton_prompt_text = r'\$ |>>> |\.\.\. '
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = '\\'


def reachable(url: str) -> bool:
    """Tell whether a project's list of names can be read now."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


# Linked where they can be reached: a build without a network warns of nothing.
intersphinx_mapping = {
    name: (base, None)
    for name, base in {
        'keystoneauth': 'https://docs.openstack.org/keystoneauth/latest/',
        'openstacksdk': 'https://docs.openstack.org/openstacksdk/latest/',
        'python': 'https://docs.python.org/3/',
    }.items()
    if reachable(f'{base}objects.inv')
}
# One that is gone between the look and the reading is no fault of a page.
intersphinx_timeout = 10
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
