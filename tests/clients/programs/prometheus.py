# SPDX-License-Identifier: Apache-2.0
"""Metrics on standard input, and rules on them, as Prometheus reads them.

It runs in an environment that has nothing of ours, and prints the metrics
that there are and those that the rules, its arguments, ask for.
"""

import json
import sys

from prometheus_client import parser
import promql_parser


def names(rule: str) -> list[str]:
    """Return the names of the metrics that an expression asks for."""
    found = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node.name)

    promql_parser.walk(promql_parser.parse(rule), visit)
    return found


def main() -> None:
    """Read all, and print what was read."""
    families = list(parser.text_fd_to_metric_families(sys.stdin))
    asked = {name for rule in sys.argv[1:] for name in names(rule)}
    told = {
        'there': {
            each.name: [[s.labels, s.value] for s in each.samples]
            for each in families
        },
        'asked': sorted(asked),
    }
    print(json.dumps(told))


if __name__ == '__main__':
    main()
