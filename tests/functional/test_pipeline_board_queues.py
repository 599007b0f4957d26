# SPDX-License-Identifier: Apache-2.0
"""What workers find to claim on a board, however much is there."""

from collections.abc import Iterator
import itertools

import pytest

from ims_ext.pipeline.board import address
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.engine.jobboard import Posted

from .boards import Redis
from .boards import redis
from .boards import wait_until

_numbers = itertools.count()


@pytest.fixture(scope='module')
def own_redis() -> Iterator[Redis]:
    """Give a Redis."""
    with redis() as made:
        yield made


@pytest.fixture
def board(own_redis: Redis) -> Iterator[Board]:
    """Give a board of the test's own."""
    url = f'{own_redis.url}?prefix=test-{next(_numbers)}'
    with Board(address.parse(url, {})) as made:
        yield made


def post(board: Board, *names: str, place: str = 'de') -> None:
    """Post jobs."""
    for name in names:
        board.jobs.post(name, {'place': place})


def free(board: Board, most: int = 100) -> list[Posted]:
    """Return what may be claimed now."""
    keys = [
        key for queue in board.jobs.queues(most) for key in queue.free[:most]
    ]
    return board.jobs.read(keys)


def names(board: Board) -> list[str]:
    """Return the names of what may be claimed now."""
    return [each.name for each in free(board)]


def test_the_oldest_come_first(board: Board) -> None:
    post(board, *'abc')
    assert names(board) == ['a', 'b', 'c']

    # One that is tried again keeps its place.
    first = free(board)[0]
    assert board.jobs.claim(first, 'one', 60)
    assert names(board) == ['b', 'c']
    board.jobs.abandon(first, 'one')
    assert names(board) == ['a', 'b', 'c']


def test_queues_tell_how_much_is_at_work(board: Board) -> None:
    post(board, 'a', 'b')
    post(board, 'c', place='nl')
    assert board.jobs.claim(free(board)[0], 'one', 60)

    found = {each.name: each for each in board.jobs.queues(9)}

    assert sorted(found) == ['de', 'nl']
    assert found['de'].busy + found['nl'].busy == 1
    assert len(found['de'].free) + len(found['nl'].free) == 2


def test_a_claim_is_one_workers_until_it_expires(board: Board) -> None:
    post(board, 'a')
    [job] = free(board)
    assert board.jobs.claim(job, 'one', 60)
    assert not board.jobs.claim(job, 'two', 60)
    assert board.jobs.renew(job, 'one', 0.5)

    wait_until(lambda: names(board) == ['a'])

    assert board.jobs.claim(job, 'two', 60)
    assert not board.jobs.renew(job, 'one', 60)
    assert board.jobs.renew(job, 'two', 60)
    assert names(board) == []
    assert board.jobs.consume(job, 'two')
    assert board.jobs.queues(9) == []


def test_what_was_tried_in_vain_is_put_off_for_all(board: Board) -> None:
    post(board, 'a', 'b')
    first = free(board)[0]
    board.jobs.put_off(first, 60)
    assert names(board) == ['b']
    board.jobs.put_off(first, 0.5)
    wait_until(lambda: names(board) == ['a', 'b'])


def test_no_more_is_found_than_has_room(board: Board) -> None:
    post(board, *'abc')
    post(board, 'd', place='nl')
    assert board.enter('x', 2, 60, 'imports', 'de')
    assert board.enter('y', 2, 60, 'imports', 'de')
    board.jobs.await_room('de', board.key('imports', 'de'), 2, 60)
    assert names(board) == ['d']

    board.leave('x', 'imports', 'de')
    assert sorted(names(board)) == ['a', 'd']
    # Room that is not renewed is left, too.
    assert board.enter('y', 2, 0.2, 'imports', 'de')
    wait_until(lambda: sorted(names(board)) == ['a', 'b', 'd'])


def test_whether_there_is_room_is_tried_after_a_while(board: Board) -> None:
    post(board, 'a')
    assert board.enter('x', 1, 60, 'imports', 'de')
    board.jobs.await_room('de', board.key('imports', 'de'), 1, 0.2)
    # Another manifest may allow more.
    wait_until(lambda: names(board) == ['a'])


def test_a_posting_that_was_cut_short_is_found(board: Board) -> None:
    post(board, 'a')
    # Who posted it was killed before it was in a queue.
    board.client.delete(board.key('jobs', 'queues'))
    board.client.delete(board.key('jobs', 'free', 'de'))
    post(board, 'b')
    assert names(board) == ['b']

    wait_until(lambda: sorted(names(board)) == ['a', 'b'])


def test_what_is_gone_from_the_board_is_found_no_more(board: Board) -> None:
    post(board, 'a', 'b')
    gone = free(board)[0]
    # Who was done with it was killed before it was out of its queue.
    board.client.hdel(board.key('jobs', 'listings'), gone.id)
    assert names(board) == ['b']

    assert not board.jobs.claim(gone, 'one', 60)

    [queue] = board.jobs.queues(9)
    assert len(queue.free) == 1


def test_a_look_costs_the_same_however_much_is_there(board: Board) -> None:
    def sent() -> int:
        """Return how many bytes a look is told."""
        before = board.client.info('stats')['total_net_output_bytes']
        free(board, 5)
        after = board.client.info('stats')['total_net_output_bytes']
        return int(after - before)

    post(board, *(f'app{each:04}' for each in range(10)))
    few = sent()
    post(board, *(f'app{each:04}' for each in range(10, 500)))
    assert sent() < few + 200
