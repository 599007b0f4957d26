# SPDX-License-Identifier: Apache-2.0
"""Which options of ``ims image create`` go together."""

import argparse

from osc_lib import exceptions
import pytest

from ims_ext.cli import creation_options


def parse(line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument('name')
    creation_options.add_options(parser)
    return parser.parse_args([*line.split(), 'golden'])


@pytest.mark.parametrize(
    'line',
    [
        '--file a.qcow2',
        '--file a.qcow2 --bucket b --data-disk --min-disk 2000',
        '--file a.raw --bucket b --quick --data-disk --safe-mode',
        '--object b:k --min-disk 40 --iso --os-version x',
        '--object b:k --min-disk 40 --data-disk --kms-key k --os-type Linux',
        '--object b:k --min-disk 40 --quick --type BMS --safe-mode',
        '--server web --min-ram 0 --safe-mode --tag a=b --description d',
        '--server web --whole --vault v --enterprise-project 0',
        '--volume v --os-version x --type BMS --max-ram 1 --safe-mode',
        '--volume v --volume w --data-disk --tag a=b --safe-mode',
        '--backup b --whole-image-type CBR --min-ram 1',
    ],
)
def test_what_goes_together_is_let_pass(line: str) -> None:
    creation_options.check(parse(line))


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('--server web --quick', '--quick does not go with --server'),
        ('--server web --os-version x', '--os-version does not go with'),
        ('--server web --bucket b', 'with --server, but with --file'),
        ('--server web --data-disk', '--file or --object or --volume'),
        ('--server web --min-ram 0 --min-disk 0', '--min-disk does not'),
        ('--server web --vault v', 'but with --server --whole'),
        ('--server web --whole --safe-mode', 'with --server --whole, but'),
        ('--backup b --vault v', '--vault does not go with --backup'),
        ('--backup b --whole', '--whole does not go with --backup'),
        ('--file a --whole-image-type CBR', '--whole-image-type does not'),
        ('--object b:k --keep-object', '--keep-object does not go with'),
        ('--object b:k', '--object needs --min-disk'),
        ('--object b:k --data-disk', '--object needs --min-disk'),
        (
            '--object b:k --min-disk 40 --data-disk --os-version x',
            '--os-version does not go with --object --data-disk',
        ),
        ('--volume v', '--volume needs --os-version, or --data-disk'),
        ('--volume v --volume w --os-version x', 'need --data-disk'),
        (
            '--volume v --data-disk --enterprise-project 0',
            'does not go with --volume --data-disk',
        ),
    ],
)
def test_what_does_not_go_together_is_named(line: str, message: str) -> None:
    with pytest.raises(exceptions.CommandError, match=message):
        creation_options.check(parse(line))


@pytest.mark.parametrize(
    'line',
    [
        '',
        '--file a --object b:k',
        '--server web --backup b',
        '--volume v --file a',
        '--file a --iso --data-disk',
        '--object b:k --iso --type ECS',
    ],
)
def test_one_source_of_one_kind_has_to_be_named(line: str) -> None:
    with pytest.raises(SystemExit):
        parse(line)
