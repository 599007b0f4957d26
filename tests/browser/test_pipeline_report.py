# SPDX-License-Identifier: Apache-2.0
"""A run's page, in a real browser that has no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ims_ext.pipeline import report
from ims_ext.pipeline.report import page

from ..pipeline_events import event
from ..pipeline_events import failed
from ..pipeline_events import item
from ..pipeline_events import run
from ..pipeline_events import steps
from .chromium import Browser

HOSTILE = '<img src=x onerror="document.title=1">'
EVENTS = run(
    steps(0, 'debian', 'de'),
    steps(15, 'ubuntu', 'nl'),
    failed(2, 'golden', 'de', f"no room for {HOSTILE}"),
    failed(5, 'a-rather-long-name-of-an-image-indeed', 'nl', "no room"),
    [event(20, 'item.skipped', **item('golden', 'de', 'share'), reason='x')],
)


@pytest.fixture(params=[1280, 360], ids=['wide', 'phone'])
def browser(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Browser]:
    """Give a browser without a network that shows the page."""
    file = tmp_path / 'report.html'
    page.write(report.gather(EVENTS), file)
    with Browser(tmp_path / 'profile', request.param) as browser:
        browser.go_offline()
        browser.go(file.as_uri())
        browser.wait("document.readyState === 'complete' && !!document.title")
        browser.wait("!!document.querySelector('main')")
        yield browser


def figure(browser: Browser, name: str) -> str:
    return browser.text(f'#figure-{name}')


def test_the_figures_are_those_of_the_events(browser: Browser) -> None:
    kinds = [each['kind'] for each in EVENTS]

    assert int(figure(browser, 'done')) == kinds.count('item.done')
    assert int(figure(browser, 'failed')) == kinds.count('item.failed')
    assert int(figure(browser, 'skipped')) == kinds.count('item.skipped')
    assert figure(browser, 'seconds') == '30 s'
    assert figure(browser, 'targets') == '2'
    assert figure(browser, 'bytes').startswith('36')
    states: list[list[Any]] = browser.evaluate(
        "[...document.querySelectorAll('details.item')].map("
        'each => [each.dataset.id, each.dataset.state])'
    )
    assert sorted(states) == sorted(
        [each['id'], each['kind'].removeprefix('item.')]
        for each in EVENTS
        if each['kind'] in ('item.done', 'item.failed', 'item.skipped')
    )


def test_bars_are_where_and_as_long_as_their_steps(browser: Browser) -> None:
    bars = browser.evaluate(
        "[...document.querySelectorAll('.bar')].map(each => {"
        'const bar = each.getBoundingClientRect();'
        'const track = each.parentElement.getBoundingClientRect();'
        'return [each.dataset.step, (bar.left - track.left) / track.width,'
        ' bar.width / track.width, track.width]})'
    )

    told = {
        (step.name, step.began, step.seconds)
        for each in report.gather(EVENTS).items
        for step in each.steps
    }
    assert len(bars) == len(told) == 8
    assert all(track > 100 for *_, track in bars)
    seen = {
        (name, round(30 * left, 1), round(30 * width, 1))
        for name, left, width, _ in bars
    }
    assert seen == told


def test_nothing_is_loaded_and_nothing_is_run(browser: Browser) -> None:
    loaded = [
        each['params']['request']['url']
        for each in browser.messages
        if each['method'] == 'Network.requestWillBeSent'
    ]

    assert all(each.startswith('file:') for each in loaded)
    assert len(loaded) <= 1
    assert browser.complaints() == []
    assert HOSTILE in browser.evaluate('document.body.textContent')
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert browser.evaluate('document.title') != '1'
    assert browser.evaluate("document.querySelectorAll('script').length") == 0


def test_the_page_is_as_wide_as_its_screen(browser: Browser) -> None:
    assert browser.evaluate(
        'document.documentElement.scrollWidth <= window.innerWidth'
    )


def test_a_link_opens_the_steps_of_its_item(browser: Browser) -> None:
    browser.click('#slowest a')

    browser.wait("document.querySelectorAll('details[open]').length === 1")
    assert 'fetch' in browser.text('details[open]')
    assert 'job-debian' in browser.text('details[open]')
