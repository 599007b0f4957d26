# SPDX-License-Identifier: Apache-2.0
"""Faults as values: their text form, and when they happen."""

import threading

import pytest

from ims_ext.emulator.fault import Fault
from ims_ext.emulator.fault import FaultError
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.fault.sets import FaultSet


def drawn(fault: str, times: int, seed: int = 0) -> list[bool]:
    """Return with which of some requests a fault happens."""
    (armed,) = FaultSet([fault], seed)
    return [armed.draw() for _ in range(times)]


# ====== TEXT FORM ======


def test_a_fault_keeps_its_text() -> None:
    text = 'status=503,rate=0.1,method=POST+PUT'
    assert str(Fault.parse(text)) == text


def test_spaces_do_not_matter() -> None:
    assert Fault.parse(' cut = after , rate = 0.5 ').rate == 0.5


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'not NAME=VALUE'),
        ('cut', 'not NAME=VALUE'),
        ('cut=after,', 'not NAME=VALUE'),
        ('cut=after,cut=after', 'twice'),
        ('rate=0.1', 'does not say what goes wrong'),
        ('stauts=503', 'did you mean status='),
        ('status=503,metod=GET', 'did you mean method='),
        ('status=503,cut=after', 'faults of their own'),
        ('cut=after,effect=after', "'effect' does not go with cut="),
        ('token-seconds=5,path=/v3/*', "'path' does not go with"),
        ('cut=soon', 'before, middle, after'),
        ('body=broken', 'truncated, garbage, html, empty'),
        ('job=slow', 'hang, fail'),
        ('status=99', 'from 400 to 599'),
        ('status=200', 'together with body='),
        ('status=503,on=images', 'image, identity'),
        ('status=503,rate=0', 'above 0, up to 1'),
        ('status=503,rate=1.5', 'above 0, up to 1'),
        ('status=503,rate=nan', 'above 0, up to 1'),
        ('slow=-1', 'above 0, up to 3600'),
        ('slow=inf', 'above 0, up to 3600'),
        ('status=503,count=0', 'whole number from 1'),
        ('status=503,after=-1', 'whole number'),
        ('status=503,retry-after=1.5', 'whole number of seconds'),
        ('status=503,method=get', 'in capitals'),
        ('job=fail,code=IMG.9999', 'a code like'),
        ('job=hang,code=IMG.0061', 'only with job=fail'),
    ],
)
def test_what_is_no_fault_is_refused_with_what_would_be(
    text: str, words: str
) -> None:
    with pytest.raises(FaultError) as caught:
        Fault.parse(text)
    assert words in str(caught.value)


def test_a_cut_before_the_answer_has_an_effect_only_after_the_request() -> (
    None
):
    has_effect = {
        where: Fault.parse(f'cut={where}').has_effect
        for where in ('before', 'middle', 'after')
    }
    assert has_effect == {'before': False, 'middle': True, 'after': True}


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('cut=after', True),
        ('cut=after,on=image', True),
        ('cut=after,on=identity+image', True),
        ('cut=after,on=bucket', False),
        ('cut=after,method=POST', True),
        ('cut=after,method=GET+PUT', False),
        ('cut=after,path=/v2/images', False),
        ('cut=after,path=/v2/images/*', True),
        ('cut=after,path=/v2/images/????', True),
        ('cut=after,path=/V2/*', False),
        ('cut=after,query=*a=b*', True),
        ('cut=after,query=a', False),
    ],
)
def test_a_fault_befalls_the_requests_it_names(
    text: str, expected: bool
) -> None:
    fault = Fault.parse(text)
    assert fault.befalls('image', 'POST', '/v2/images/1234', 'a=b') is expected


# ====== WHEN THEY HAPPEN ======


def test_the_same_seed_gives_the_same_faults() -> None:
    fault = 'cut=after,rate=0.3'
    assert drawn(fault, 200, 7) == drawn(fault, 200, 7)


def test_another_seed_gives_other_faults() -> None:
    fault = 'cut=after,rate=0.3'
    assert drawn(fault, 200, 7) != drawn(fault, 200, 8)


def test_a_fault_happens_as_often_as_its_rate_says() -> None:
    assert 700 < sum(drawn('status=503,rate=0.2', 4000)) < 900


def test_a_fault_without_a_rate_happens_always() -> None:
    assert drawn('status=503', 5) == [True] * 5


def test_a_fault_happens_no_more_often_than_its_count() -> None:
    assert drawn('status=503,count=2', 4) == [True, True, False, False]


def test_a_fault_spares_the_first_requests() -> None:
    assert drawn('status=503,after=2', 4) == [False, False, True, True]


def test_what_happens_does_not_depend_on_other_faults() -> None:
    first = 'cut=after,rate=0.3'
    alone = drawn(first, 50)
    armed, other = FaultSet([first, 'slow=1,rate=0.5'])
    together = []
    for _ in range(50):
        other.draw()
        together.append(armed.draw())
    assert together == alone


def test_as_much_happens_to_threads_as_to_one_client() -> None:
    (armed,) = faults = FaultSet(['status=503,rate=0.5'])
    threads = [
        threading.Thread(target=lambda: [armed.draw() for _ in range(100)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults.injected == sum(drawn('status=503,rate=0.5', 400))


def test_faults_end_with_their_block() -> None:
    faults = Faults(['status=503'])
    with faults.active('cut=after') as within:
        assert list(faults.counts) == list(within.counts) == ['cut=after']
    assert list(faults.counts) == ['status=503']


def test_a_text_that_is_no_fault_changes_nothing() -> None:
    faults = Faults(['status=503'])
    with pytest.raises(FaultError):
        faults.set(['cut=after', 'nonsense'])
    assert list(faults.counts) == ['status=503']


def test_the_seed_stays_until_another_one_is_given() -> None:
    faults = Faults(seed=7)
    faults.set(['cut=after'])
    faults.set(['cut=before'], seed=8)
    assert (faults.current.seed, faults.set([]).seed) == (8, 8)
