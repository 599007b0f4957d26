# SPDX-License-Identifier: Apache-2.0
"""Operating systems by the names that the clouds document."""

from ims_ext import os_versions

#: What any Linux image may say.
OTHER = 'Other Linux(64 bit)'

_NAMES = {
    'centos': ('CentOS {}.0 64bit', 'CentOS {} 64bit'),
    'debian': ('Debian GNU/Linux {}.0.0 64bit', 'Debian GNU/Linux {} 64bit'),
    'fedora': ('Fedora {} 64bit',),
    'opensuse': ('openSUSE {} 64bit',),
    'rhel': ('Redhat Linux Enterprise {} 64bit',),
    'ubuntu': ('Ubuntu {} server 64bit', 'Ubuntu {} 64bit'),
    'windows': ('Windows Server {} Standard 64bit', 'Windows {} 64bit'),
}


def os_version(distro: str, version: str) -> tuple[str, bool]:
    """Return the name of a system, and whether it is its very own.

    :param distro: The property ``os_distro``.
    :param version: The property ``os_version``; empty where not known.
    """
    for shape in _NAMES.get(distro.lower(), ()):
        name = shape.format(version)
        if version and os_versions.find(name):
            return name, True
    return OTHER, False
