"""What the tests' cloud has from the start."""

from typing import Any

import pytest


@pytest.fixture(scope='session')
def ims_scenario() -> dict[str, Any]:
    """Give a cloud with a project that has five images already."""
    images = {
        'name': 'golden-{number}',
        'count': 5,
        'os_version': 'Ubuntu 18.04 server 64bit',
    }
    return {
        'projects': [{'name': 'factory', 'images': [images]}],
        'users': [{'name': 'robot', 'project': 'factory'}],
    }
