# SPDX-License-Identifier: Apache-2.0
"""Calls one function in a process of its own, and tells what it returns."""

import importlib
import json
import sys

from .harness import CHECKOUT


def main() -> None:
    """Call ``module:function`` with keyword arguments given as JSON."""
    module, _, name = sys.argv[1].partition(':')
    function = getattr(importlib.import_module(module), name)
    # What is installed counts from here on, not what lies about in the
    # checkout: entry points are read from either.
    sys.path.remove(str(CHECKOUT))
    print(json.dumps(function(**json.loads(sys.argv[2]))))


if __name__ == '__main__':
    main()
