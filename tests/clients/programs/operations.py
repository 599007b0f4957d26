# SPDX-License-Identifier: Apache-2.0
"""Operations that a client's own program tries, one after the other.

It runs in the client's environment, which has nothing of ours.
"""

from collections.abc import Callable
import json
import os
import traceback

URL = os.environ['BUCKET_URL']
ACCESS = os.environ['BUCKET_ACCESS_KEY']
SECRET = os.environ['BUCKET_SECRET_KEY']
REGION = os.environ['BUCKET_REGION']
MODE = os.environ.get('CLIENT_MODE', '')
MIB = 1024**2


def attempt(name: str, operation: Callable[[], object]) -> None:
    """Try an operation, and tell on standard output what became of it."""
    error = None
    try:
        operation()
    except Exception:
        error = traceback.format_exc()
    print(json.dumps({'operation': name, 'error': error}), flush=True)
