# SPDX-License-Identifier: Apache-2.0
"""The description of the S3 API, read once in a process.

botocore reads it for every client that is not of the same session, and that
takes longer than most of what a test does with the client.
"""

import functools

import botocore.loaders


def keep() -> None:
    """Let all clients of this process have the description read once."""
    loader = botocore.loaders.JSONFileLoader
    read = functools.cache(loader().load_file)
    loader.load_file = (  # type: ignore[method-assign]
        lambda self, path: read(path)
    )
