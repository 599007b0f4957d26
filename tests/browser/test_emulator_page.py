# SPDX-License-Identifier: Apache-2.0
"""The emulator's page for people, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest

import ims_ext
from ims_ext.emulator.server import EmulatorServer

from .chromium import Browser

STRANGE = '<img src=x onerror=alert(1)> & "golden"'


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    """Give an emulator whose jobs last for an hour."""
    with EmulatorServer(job_seconds=3600) as server:
        yield server


@pytest.fixture
def conn(
    server: EmulatorServer,
) -> Iterator[openstack.connection.Connection]:
    """Give a connection of a user."""
    entry = dict(server.clouds()['clouds']['alice'])
    del entry['vendor_hook']
    with openstack.connection.Connection(**entry) as conn:
        ims_ext.load(conn)
        yield conn


@pytest.fixture
def browser(server: EmulatorServer, tmp_path: Path) -> Iterator[Browser]:
    """Give a browser that shows the page."""
    with Browser(tmp_path / 'profile') as browser:
        browser.go(server.control_url)
        browser.wait("document.body?.dataset.ready === 'yes'")
        yield browser


def test_what_is_in_the_emulator_is_shown(
    browser: Browser, conn: openstack.connection.Connection
) -> None:
    conn.ims.create_image(STRANGE)
    conn.ims.create_image_from_server(next(conn.compute.servers()), 'web')

    browser.wait("document.querySelectorAll('#jobs-rows tr').length === 1")

    assert STRANGE in browser.text('#images-rows')
    assert (
        browser.evaluate("document.querySelectorAll('main img').length") == 0
    )
    assert 'images' in browser.text('#buckets-rows')
    assert 'RUNNING' in browser.text('#jobs-rows')
    browser.wait(
        "document.querySelector('#requests-rows').innerText"
        ".includes('/v2/cloudimages/action')"
    )
    assert browser.complaints() == []


def test_a_job_is_ended_by_hand(
    browser: Browser, conn: openstack.connection.Connection
) -> None:
    job = conn.ims.create_image_from_server(
        next(conn.compute.servers()), 'web'
    )

    browser.click('#jobs-rows button')

    browser.wait(
        "document.querySelector('#jobs-rows').innerText.includes('SUCCESS')"
    )
    assert conn.ims.get_job(job).is_successful


def test_faults_are_switched_and_added(
    browser: Browser, server: EmulatorServer
) -> None:
    browser.click('#switches input')
    browser.wait("document.querySelectorAll('#faults-rows li').length === 1")
    assert [each.fault.text for each in server.faults.current] == [
        'status=503,rate=0.1'
    ]

    browser.fill('#fault', 'slow=0.5')
    browser.click('#add button')
    browser.wait("document.querySelectorAll('#faults-rows li').length === 2")
    browser.fill('#fault', 'nonsense=1')
    browser.click('#add button')
    browser.wait("!document.querySelector('#problem').hidden")

    assert 'nonsense' in browser.text('#problem')
    assert len(list(server.faults.current)) == 2


def test_time_passes_by_a_click(
    browser: Browser, server: EmulatorServer
) -> None:
    browser.fill('#advance', '2h')
    browser.click('#clock button')

    browser.wait("document.querySelector('#now').innerText.includes('+7200')")
    assert server.clock.advanced == 7200


def test_a_reset_is_asked_for_twice(
    browser: Browser,
    server: EmulatorServer,
    conn: openstack.connection.Connection,
) -> None:
    conn.ims.create_image('golden')
    browser.wait(
        "document.querySelector('#images-rows').innerText.includes('golden')"
    )

    browser.click('#reset')
    assert browser.evaluate("document.querySelector('#sure').open")
    browser.click('#sure button[value=no]')
    assert server.counts.select(kind='image', name='golden')
    browser.click('#reset')
    browser.click('#sure button[value=yes]')

    browser.wait(
        "!document.querySelector('#images-rows').innerText.includes('golden')"
    )


@pytest.mark.parametrize('width', [390, 1280])
def test_nothing_is_wider_than_the_screen(
    server: EmulatorServer,
    conn: openstack.connection.Connection,
    tmp_path: Path,
    width: int,
) -> None:
    conn.ims.create_image('x' * 120, tags=['a=' + 'b' * 40])
    with Browser(tmp_path / 'profile', width) as browser:
        browser.go(server.control_url)
        browser.wait("document.querySelectorAll('#images-rows tr').length")

        assert browser.evaluate(
            'document.documentElement.scrollWidth <= innerWidth'
        )
        assert browser.screenshot().startswith(b'\x89PNG')


def test_no_other_page_can_show_it(browser: Browser) -> None:
    policy = browser.evaluate(
        "fetch('/').then((answer) => "
        "answer.headers.get('Content-Security-Policy'))"
    )

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_all_that_scrolls_is_reached_by_the_keyboard(browser: Browser) -> None:
    scrolled = browser.evaluate(
        "[...document.querySelectorAll('.scroll')].map(each => "
        "[each.tabIndex, !!document.getElementById("
        "each.getAttribute('aria-labelledby'))])"
    )

    assert scrolled == [[0, True]] * 5


def test_who_has_chosen_something_keeps_it_while_the_page_changes(
    browser: Browser, conn: openstack.connection.Connection
) -> None:
    conn.ims.create_image('chosen')
    conn.ims.create_image_from_server(next(conn.compute.servers()), 'web')
    browser.wait("document.querySelectorAll('#jobs-rows button').length === 3")
    label = browser.evaluate(
        '(() => { const row = '
        "[...document.querySelectorAll('#images-rows tr')].find("
        "each => each.innerText.includes('chosen'));"
        'getSelection().selectAllChildren(row.cells[0]);'
        "const hold = document.querySelectorAll('#jobs-rows button')[2];"
        "hold.closest('tr').dataset.old = 'yes'; hold.focus();"
        "return hold.getAttribute('aria-label') })()"
    )

    conn.ims.create_image('newer')
    browser.wait(
        "document.querySelector('#images-rows').innerText.includes('newer')"
    )
    browser.wait("!document.querySelector('#jobs-rows [data-old]')")

    focused = "document.activeElement.getAttribute('aria-label')"
    assert browser.evaluate(focused) == label
    assert 'chosen' in browser.evaluate('getSelection().toString()')
