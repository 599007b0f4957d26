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


@pytest.mark.parametrize(
    ('logger', 'message'),
    [
        (
            'osc_lib.clientmanager',
            "Using parameters {'access_key': 'AK1', 'secret_key': 'planted'}",
        ),
        (
            'osc_lib.cli.client_config',
            'auth_config_hook(): {\'secret_key\': "plan\'planted"}',
        ),
        (
            'osc_lib.shell',
            "options: Namespace(security_token='planted', region_name=None)",
        ),
        (
            'osc_lib.shell',
            "START with options: --os-password planted planted --debug",
        ),
        (
            'osc_lib.shell',
            "START with options: --os-secret-key=planted --os-token planted",
        ),
    ],
)
def test_no_secret_that_the_command_was_given_is_in_its_output(
    caplog: pytest.LogCaptureFixture, logger: str, message: str
) -> None:
    plugin.build_option_parser(argparse.ArgumentParser())

    with caplog.at_level(logging.DEBUG):
        logging.getLogger(logger).info("%s", message)

    assert 'planted' not in caplog.text
    assert '***' in caplog.text


def test_other_debug_output_is_left_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plugin.build_option_parser(argparse.ArgumentParser())

    with caplog.at_level(logging.DEBUG):
        logging.getLogger('osc_lib.shell').debug("region: %s", 'eu-1')

    assert 'region: eu-1' in caplog.text
