"""Token buckets are shared and fail closed; strides follow what the machine can do."""

import asyncio

import pytest

from broadcasts.rate import Bucket, Rates, Stride

BUCKET = Bucket("test", per_second=100)


def test_an_unknown_bucket_is_empty_and_fills_at_its_rate() -> None:
    async def story() -> list[int]:
        rates = Rates()
        first, wait_seconds = await rates.take(BUCKET, 50)
        await asyncio.sleep(max(0.3, wait_seconds))
        second, _ = await rates.take(BUCKET, 500)
        await rates.close()
        return [first, second]

    first, second = asyncio.run(story())
    assert first == 0, "after a flush nobody may send at once"
    assert 20 <= second <= BUCKET.capacity


def test_two_takers_share_one_bucket() -> None:
    async def story() -> int:
        one, other = Rates(), Rates()
        await one.take(BUCKET, 1)
        await asyncio.sleep(1)
        grants = await asyncio.gather(*[rates.take(BUCKET, 40) for rates in (one, other, one, other)])
        await one.close()
        await other.close()
        return sum(granted for granted, _ in grants)

    assert 40 <= asyncio.run(story()) <= BUCKET.capacity + 5


def test_who_comes_again_at_once_waits_for_half_a_bucket() -> None:
    async def story() -> tuple[list[int], int]:
        rates = Rates()
        await rates.take(BUCKET, 1)
        grants, few = [], 0
        for _ in range(100):
            granted, _wait_seconds = await rates.take(BUCKET, 50)
            grants.append(granted)
            await asyncio.sleep(0.01)
        while not few:
            few, _wait_seconds = await rates.take(BUCKET, 3)
        await rates.close()
        return [granted for granted in grants if granted], few

    often, few = asyncio.run(story())
    assert often, "nothing was granted"
    assert min(often) >= BUCKET.capacity // 2, "a gate for every few messages costs more than the messages"
    assert few == 3, "who wants few need not wait for many"


def test_a_silenced_bucket_gives_nothing_and_takes_tokens_back() -> None:
    async def story() -> tuple[int, float]:
        rates = Rates()
        await rates.take(BUCKET, 1)
        await rates.give_back(BUCKET, 30)
        await rates.block(BUCKET, 5)
        granted, wait_seconds = await rates.take(BUCKET, 10)
        await rates.close()
        return granted, wait_seconds

    granted, wait_seconds = asyncio.run(story())
    assert granted == 0
    assert 4 < wait_seconds <= 5


@pytest.mark.parametrize(("n_late", "expected"), [(0, 128), (1, 32)])
def test_a_stride_follows_what_came_in_time(n_late: int, expected: int) -> None:
    stride = Stride()
    stride.take_note(n_late=n_late)
    assert stride.length == expected


def test_a_stride_keeps_within_its_bounds() -> None:
    stride = Stride()
    for _ in range(20):
        stride.take_note(n_late=0)
    assert stride.length == Stride.LONGEST
    for _ in range(20):
        stride.take_note(n_late=5)
    assert stride.length == Stride.SHORTEST
