# SPDX-License-Identifier: Apache-2.0
"""What the documentation's exporter tells is what Prometheus understands."""

import json
from pathlib import Path
import subprocess
import sys

from openstack import connection
import yaml

import ims_ext
from ims_ext.emulator.server import EmulatorServer

from .conftest import CHECKOUT
from .conftest import kept_environment
from .conftest import python_client
from .outcome import PROGRAMS

RECIPES = CHECKOUT / 'doc/source/user/recipes'
#: All that a label may have, and a name in Glance, too.
NAME = 'a "b"\\c\nd é'


def test_metrics_and_rules_are_understood(tmp_path: Path) -> None:
    rules = yaml.safe_load((RECIPES / 'alerts.yml').read_text('utf-8'))
    clouds, metrics = tmp_path / 'clouds.yaml', tmp_path / 'ims.prom'
    with EmulatorServer(job_seconds=0) as server:
        clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
        entry = dict(server.clouds()['clouds']['alice'])
        del entry['vendor_hook']
        with connection.Connection(**entry) as conn:
            ims_ext.load(conn)
            image = conn.ims.create_image_metadata('plain')
            conn.ims.update_image(image.id, name=NAME)
            conn.ims.create_image_from_server('web', 'web-1', wait=True)
        subprocess.run(
            [
                *(sys.executable, str(RECIPES / 'exporter.py')),
                *('--textfile', str(metrics)),
            ],
            env=kept_environment()
            | {'OS_CLIENT_CONFIG_FILE': str(clouds), 'OS_CLOUD': 'alice'},
            check=True,
        )

    done = subprocess.run(
        [
            python_client('prometheus-client', 'promql-parser') / 'python',
            PROGRAMS / 'prometheus.py',
            *(each['expr'] for each in rules['groups'][0]['rules']),
        ],
        env=kept_environment(),
        input=metrics.read_text('utf-8'),
        capture_output=True,
        text=True,
        encoding='utf-8',
        check=True,
    )

    told = json.loads(done.stdout)
    assert told['asked'] == [
        'ims_image_created_timestamp_seconds',
        'ims_quota_limit',
        'ims_quota_used',
    ]
    assert {*told['asked']} < {*told['there']}
    assert told['there']['ims_quota_used'] == [[{'type': 'image'}, 2]]
    names = {
        labels['name']
        for labels, _ in told['there']['ims_image_created_timestamp_seconds']
    }
    assert names == {NAME, 'web-1'}
