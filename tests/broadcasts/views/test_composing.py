"""Composing: four steps that save, a review that tells the price, a launch that confirms exactly what was shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from broadcasts.models import Broadcast
from businesses.models import Business, Member, Wallet
from tests import make

pytestmark = pytest.mark.django_db
HTMX = {"hx-request": "true"}


@pytest.fixture
def business() -> Business:
    business = make.make_business(money=100 * make.EURO)
    make.make_people(business=business, n=20, now=timezone.now())
    return business


@pytest.fixture
def marketer(client: Client, business: Business) -> Client:
    client.force_login(make.make_member(business=business, role=Member.Role.MARKETER))
    return client


@pytest.fixture
def draft(business: Business) -> Broadcast:
    return make.make_broadcast(business=business, now=timezone.now())


def _at(draft: Broadcast, page: str = "") -> str:
    return f"/b/{draft.business.code}/broadcasts/{draft.code}/{page}"


def test_without_template_or_sender_the_page_names_what_is_missing(marketer: Client, business: Business) -> None:
    new = f"/b/{business.code}/broadcasts/new/"
    assert "No approved template yet" in marketer.get(new).content.decode()
    make.make_approved_version(business=business)
    assert "No sender yet" in marketer.get(new).content.decode()


def test_the_first_step_makes_a_draft_and_asks_for_the_values_of_its_variables(
    marketer: Client, business: Business
) -> None:
    version = make.make_approved_version(business=business)
    sender = make.make_sandbox_sender(business=business)
    answers = {"name": "Spring", "template": version.template.code, "sender": sender.code}
    answer = marketer.post(f"/b/{business.code}/broadcasts/new/", answers)
    draft = Broadcast.objects.of(business).get()
    assert draft.state == Broadcast.State.DRAFT
    assert answer.headers["Location"] == _at(draft, "compose/message/")

    page = marketer.get(answer.headers["Location"]).content.decode()
    assert "{{discount}}" in page
    assert "Hello Ana, this week 20 percent off" in page  # the template's examples, on a phone
    marketer.post(_at(draft, "compose/message/"), answers | {"value:discount": "30", "value:first_name": ""})
    draft.refresh_from_db()
    assert draft.variables == {"discount": "30"}
    assert "this week 30 percent off" in marketer.get(_at(draft, "compose/message/")).content.decode()


def test_the_words_and_voice_of_another_business_cannot_be_chosen(marketer: Client, business: Business) -> None:
    other = make.make_business(name="Other")
    version = make.make_approved_version(business=other)
    sender = make.make_sandbox_sender(business=other)
    make.make_approved_version(business=business)
    make.make_sandbox_sender(business=business)
    answers = {"name": "Spring", "template": version.template.code, "sender": sender.code}
    answer = marketer.post(f"/b/{business.code}/broadcasts/new/", answers)
    assert answer.status_code == 422
    assert not Broadcast.objects.exists()


def test_the_audience_is_saved_as_a_definition(marketer: Client, draft: Broadcast) -> None:
    answer = marketer.post(
        _at(draft, "compose/audience/"),
        {"countries": ["FR"], "languages": ["en"], "attribute": "", "value": "", "holdout": "10"},
    )
    assert answer.headers["Location"] == _at(draft, "compose/when/")
    draft.refresh_from_db()
    assert draft.audience == {"countries": ["FR"], "languages": ["en"]}
    assert draft.holdout_permille == 100


def test_a_list_that_a_program_gave_survives_the_form(marketer: Client, business: Business) -> None:
    draft = make.make_broadcast(business=business, audience={"contacts": ["ctc_1"]}, now=timezone.now())
    marketer.post(_at(draft, "compose/audience/"), {"countries": ["FR"], "holdout": "0"})
    draft.refresh_from_db()
    assert draft.audience == {"contacts": ["ctc_1"], "countries": ["FR"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"holdout": "51"},
        {"holdout": "-1"},
        {"countries": ["ZZ"], "holdout": "0"},
        {"attribute": "city", "holdout": "0"},
        {},
    ],
)
def test_a_wrong_audience_is_refused_and_nothing_changes(
    marketer: Client, draft: Broadcast, wrong: dict[str, Any]
) -> None:
    answer = marketer.post(_at(draft, "compose/audience/"), wrong)
    assert answer.status_code == 422
    assert "This needs mending" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.audience == {}


def test_a_set_time_is_read_in_the_time_of_the_business(marketer: Client, draft: Broadcast) -> None:
    in_two_days = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%d")
    answer = marketer.post(
        _at(draft, "compose/when/"), {"start": "later", "scheduled_at": f"{in_two_days}T10:00", "life_hours": "24"}
    )
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.scheduled_at is not None
    assert draft.scheduled_at.hour in (8, 9)  # 10:00 in Paris
    assert "10:00" in marketer.get(_at(draft, "compose/when/")).content.decode()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"start": "later", "life_hours": "24"}, "Choose the day and the hour."),
        ({"start": "later", "scheduled_at": "1999-01-01T10:00", "life_hours": "24"}, "between now and one year"),
        ({"start": "now", "life_hours": "5000"}, "Select a valid choice"),
        ({"start": "now", "life_hours": "24", "messages_per_second": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_time_is_refused_beside_its_field(
    marketer: Client, draft: Broadcast, wrong: dict[str, str], sentence: str
) -> None:
    answer = marketer.post(_at(draft, "compose/when/"), wrong)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_budget_is_kept_in_micro_units(marketer: Client, draft: Broadcast) -> None:
    assert marketer.post(_at(draft, "compose/money/"), {"budget": "12.50"}).headers["Location"] == _at(draft, "review/")
    draft.refresh_from_db()
    assert draft.budget_micro == 12_500_000
    assert 'value="12.50"' in marketer.get(_at(draft, "compose/money/")).content.decode()


@pytest.mark.parametrize("wrong", ["-1", "0", "abc", "1e99", "0.001"])
def test_a_wrong_budget_is_refused(marketer: Client, draft: Broadcast, wrong: str) -> None:
    assert marketer.post(_at(draft, "compose/money/"), {"budget": wrong}).status_code == 422


def test_htmx_saves_at_each_change_and_gets_the_count_alone(marketer: Client, draft: Broadcast) -> None:
    answer = marketer.post(_at(draft, "compose/audience/"), {"countries": ["FR"], "holdout": "0"}, headers=HTMX)
    assert b"<html" not in answer.content
    assert "of 20 people will get it" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.audience == {"countries": ["FR"]}


def test_htmx_reads_what_to_mend_instead_of_a_count(marketer: Client, draft: Broadcast) -> None:
    page = marketer.post(_at(draft, "compose/audience/"), {"holdout": "99"}, headers=HTMX).content.decode()
    assert "less than or equal to 50" in page
    assert "will get it" not in page


def test_counting_works_without_javascript(marketer: Client, draft: Broadcast) -> None:
    answer = marketer.post(_at(draft, "estimate/"), {"step": "money"})
    assert answer.headers["Location"] == _at(draft, "compose/money/")
    assert "of 20 people will get it" in marketer.get(_at(draft, "compose/money/")).content.decode()


def test_a_count_that_cannot_be_made_says_why(marketer: Client, draft: Broadcast) -> None:
    Business.objects.filter(pk=draft.business_id).update(state="suspended")
    page = marketer.post(_at(draft, "estimate/"), {"step": "review"}, headers=HTMX).content.decode()
    assert "it cannot send" in page
    page = marketer.post(_at(draft, "estimate/"), {"step": "review"}, follow=True).content.decode()
    assert "it cannot send" in page


def test_looking_at_the_count_counts_nothing(marketer: Client, draft: Broadcast) -> None:
    answer = marketer.get(_at(draft, "estimate/"), {"step": "money"})
    assert answer.headers["Location"] == _at(draft, "compose/money/")
    panel = marketer.get(_at(draft, "estimate/"), {"step": "money"}, headers=HTMX)
    assert panel.context["panel"] is None
    assert panel.context["wallet"].business_id == draft.business_id
    assert not draft.estimates.exists()


def test_confirming_the_shown_estimate_launches_it_and_holds_the_money(marketer: Client, draft: Broadcast) -> None:
    panel = marketer.post(_at(draft, "estimate/"), {"step": "review"}, headers=HTMX).context["panel"]
    answer = marketer.post(_at(draft, "launch/"), {"token": panel.estimate.token})
    assert answer.headers["Location"] == _at(draft)
    draft.refresh_from_db()
    assert draft.state == Broadcast.State.PREPARING
    assert Wallet.objects.get(business=draft.business).held_micro == panel.estimate.max_micro > 0


def test_launching_twice_launches_once(marketer: Client, draft: Broadcast) -> None:
    token = marketer.post(_at(draft, "estimate/"), {"step": "review"}, headers=HTMX).context["panel"].estimate.token
    assert marketer.post(_at(draft, "launch/"), {"token": token}).status_code == 302
    assert marketer.post(_at(draft, "launch/"), {"token": token}).headers["Location"] == _at(draft)
    assert Wallet.objects.get(business=draft.business).holds.count() == 1


@pytest.mark.parametrize("token", ["", "guessed"])
def test_nothing_is_launched_without_the_token_of_an_estimate(marketer: Client, draft: Broadcast, token: str) -> None:
    answer = marketer.post(_at(draft, "launch/"), {"token": token}, follow=True)
    assert "Look at the estimate first" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.state == Broadcast.State.DRAFT


def test_an_estimate_of_other_answers_confirms_nothing(marketer: Client, draft: Broadcast) -> None:
    token = marketer.post(_at(draft, "estimate/"), {"step": "review"}, headers=HTMX).context["panel"].estimate.token
    marketer.post(_at(draft, "compose/money/"), {"budget": "99"})
    answer = marketer.post(_at(draft, "launch/"), {"token": token}, follow=True)
    assert "Something changed since the estimate" in answer.content.decode()


def test_the_review_says_when_the_wallet_does_not_suffice(client: Client) -> None:
    poor = make.make_business()
    make.make_people(business=poor, n=5, now=timezone.now())
    draft = make.make_broadcast(business=poor, now=timezone.now())
    client.force_login(make.make_member(business=poor, role=Member.Role.MARKETER))
    page = client.post(_at(draft, "estimate/"), {"step": "review"}, headers=HTMX)
    assert "not enough" in page.content.decode()
    answer = client.post(_at(draft, "launch/"), {"token": page.context["panel"].estimate.token}, follow=True)
    assert "does not hold enough money" in answer.content.decode()


def test_a_copy_is_a_new_draft_with_the_same_answers(marketer: Client, draft: Broadcast) -> None:
    marketer.post(_at(draft, "copy/"))
    copied = Broadcast.objects.of(draft.business).exclude(pk=draft.pk).get()
    assert copied.name == "Spring (copy)"
    assert (copied.template_id, copied.sender_id, copied.variables) == (
        draft.template_id,
        draft.sender_id,
        draft.variables,
    )


@pytest.mark.parametrize(
    "page", ["compose/message/", "compose/audience/", "compose/when/", "compose/money/", "review/"]
)
def test_every_step_stays_within_its_queries(
    marketer: Client, draft: Broadcast, page: str, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    marketer.post(_at(draft, "estimate/"), {"step": "review"}, headers=HTMX)
    with django_assert_max_num_queries(12):
        assert marketer.get(_at(draft, page)).status_code == 200


def test_a_step_that_does_not_exist_and_a_draft_that_was_launched_are_not_found(
    marketer: Client, draft: Broadcast
) -> None:
    assert marketer.get(_at(draft, "compose/price/")).status_code == 404
    Broadcast.objects.filter(pk=draft.pk).update(state="cancelled")
    assert marketer.get(_at(draft, "compose/when/")).status_code == 404


def test_an_analyst_composes_nothing(client: Client, draft: Broadcast) -> None:
    client.force_login(make.make_member(business=draft.business, role=Member.Role.ANALYST))
    for page in ("compose/message/", "review/"):
        assert client.get(_at(draft, page)).status_code == 403
    for page in ("estimate/", "launch/", "copy/"):
        assert client.post(_at(draft, page)).status_code == 403
