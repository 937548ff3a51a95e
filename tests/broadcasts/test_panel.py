"""The estimate as people read it: nothing can be learnt by subtracting, and quiet hours are said beforehand."""

from datetime import UTC, datetime

import pytest

from broadcasts import panel
from broadcasts.models import Estimate
from tests import make

pytestmark = pytest.mark.django_db
SUNDAY_NIGHT = datetime(2026, 6, 7, 22, 0, tzinfo=UTC)


def _estimate(
    *, n_audience: int, n_eligible: int, at: datetime = make.NOW, reach: int | None = 1000, **reasons: int
) -> Estimate:
    broadcast = make.make_broadcast(business=make.make_business())
    return Estimate(
        broadcast=broadcast,
        n_audience=n_audience,
        n_eligible=n_eligible,
        reasons=reasons,
        reach_permille=reach,
        price_lines=[{"country": "FR", "n": n_eligible, "price_micro": 80_000}],
        is_exact=True,
        created_at=at,
    )


def test_own_reasons_are_exact() -> None:
    shown = panel.of(_estimate(n_audience=1_000, n_eligible=988, opted_out=12))
    assert (shown.n_reached, shown.is_about) == (988, False)
    assert [(row.code, row.n, row.tone) for row in shown.rows if row.n] == [("opted_out", 12, "bad")]


@pytest.mark.parametrize("permille", [981, 940, 13])
def test_what_cannot_be_reached_is_the_share_of_all_contacts(permille: int) -> None:
    shown = panel.of(_estimate(n_audience=1_000, n_eligible=988, opted_out=12, reach=permille))
    assert shown.is_about
    n_hidden = 988 - shown.n_reached
    assert shown.n_reached + sum(row.n or 0 for row in shown.rows) == 1_000
    assert n_hidden % 5 == 0
    assert abs(n_hidden - 988 * (1000 - permille) / 1000) <= 2.5


def test_for_a_small_audience_no_number_is_told() -> None:
    shown = panel.of(_estimate(n_audience=99, n_eligible=99, reach=940))
    assert (shown.n_reached, shown.is_about) == (99, False)
    assert [(row.code, row.n) for row in shown.rows] == [("not_reachable_now", None)]


def test_the_bar_is_as_long_as_the_audience_and_shows_even_the_few() -> None:
    shown = panel.of(_estimate(n_audience=100_000, n_eligible=99_999, blocked=1))
    assert [segment.tone for segment in shown.segments] == ["accent", "bad"]
    assert shown.segments[1].width == panel.MIN_UNITS


def test_a_country_that_sleeps_is_named_with_the_hour_it_wakes() -> None:
    awake = panel.of(_estimate(n_audience=10, n_eligible=10, at=make.NOW))  # a Monday at noon in Paris
    asleep = panel.of(_estimate(n_audience=10, n_eligible=10, at=SUNDAY_NIGHT))
    assert awake.quiet == []
    assert [quiet.country for quiet in asleep.quiet] == ["FR"]
    assert asleep.quiet[0].until > SUNDAY_NIGHT
