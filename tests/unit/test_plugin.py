# SPDX-License-Identifier: Apache-2.0
"""The plug-in of the ``openstack`` command."""

import argparse
import logging

import pytest

from ims_ext.cli import plugin


def test_bucket_keys_are_kept_out_of_the_commands_debug_output(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plugin.build_option_parser(argparse.ArgumentParser())
    logger = logging.getLogger('osc_lib.shell')

    with caplog.at_level(logging.DEBUG):
        logger.debug(
            "cloud cfg: %s",
            {'ak': 'AK1', 'sk': 'planted-1', 'security_token': 'planted-2'},
        )

    assert 'planted' not in caplog.text
    assert "'sk': '***'" in caplog.text
    assert 'AK1' in caplog.text


def test_other_debug_output_is_left_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plugin.build_option_parser(argparse.ArgumentParser())

    with caplog.at_level(logging.DEBUG):
        logging.getLogger('osc_lib.shell').debug("region: %s", 'eu-1')

    assert 'region: eu-1' in caplog.text
