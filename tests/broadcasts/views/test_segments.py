"""Segments in the browser: a form that works without a script, and says what is wrong beside the row."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from broadcasts import segments
from broadcasts.filters import counting
from broadcasts.models import Segment
from businesses.models import Business, Member
from consent.models import Contact
from tests.make import NOW, make_broadcast, make_business, make_client, make_member, make_people, make_user

CITY = {"all-0-kind": "attribute", "all-0-name": "city", "all-0-test": "is", "all-0-value": "Lyon"}


def make_shop() -> tuple[Business, Client]:
    owner = make_user()
    business = make_business(owner=owner)
    make_people(business=business, n=3)
    Contact.objects.of(business).filter(name="Ana 1").update(attributes={"city": "Lyon"})
    return business, make_client(owner)


def test_a_row_is_added_counted_saved_and_changed_without_a_script(db: None) -> None:
    business, visitor = make_shop()
    new = reverse("segment-new", args=[business.code])
    page = visitor.post(new, {"do": "add:all", "add-all": "attribute"})
    assert 'name="all-0-name"' in page.content.decode()
    page = visitor.post(new, {"do": "look", **CITY})
    assert page.context["counted"] == (1, False)
    assert "city is “Lyon”" in page.content.decode()
    assert [contact.name for contact in page.context["examples"]] == ["Ana 1"]
    assert visitor.post(new, {"do": "save", "name": "Lyon", **CITY}).status_code == 302

    segment = Segment.objects.get()
    assert segment.definition == {"all": [{"attributes": {"city": {"is": "Lyon"}}}]}
    page = visitor.get(reverse("segment", args=[business.code, segment.code]))
    assert 'value="Lyon"' in page.content.decode()
    visitor.post(reverse("segment", args=[business.code, segment.code]), {"do": "save", "name": "Everybody"})
    segment.refresh_from_db()
    assert (segment.name, segment.definition) == ("Everybody", {})


def test_what_is_counted_about_is_counted_exactly_on_request_without_a_script_too(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = make_user()
    business = make_business(owner=owner)
    make_people(business=business, n=3_000)
    visitor, new = make_client(owner), reverse("segment-new", args=[business.code])
    monkeypatch.setattr(counting, "PATIENCE_MS", 1)
    slow = {f"any-{n}-kind": "other" for n in range(19)}
    slow |= {f"any-{n}-json": json.dumps({"interaction": {"at_least": n + 1}}) for n in range(19)}
    page = visitor.post(new, {"do": "look", **slow})
    assert page.context["counted"].is_about
    (button,) = re.findall("<button[^>]*>Count exactly", page.content.decode())
    # Pressed without a script it sends the form around the conditions, which stands elsewhere on the page.
    pressed = dict(re.findall('([a-z-]+)="([^"]*)"', button))
    assert (pressed["form"], pressed["name"], pressed["value"]) == ("segment", "do", "exact")
    page = visitor.post(new, {"name": "Slow ones", "do": "exact", **slow})
    assert page.context["counted"] == (3_000, False)
    assert "Count exactly" not in page.content.decode()
    assert 'value="Slow ones"' in page.content.decode()
    page = visitor.post(pressed["hx-post"], {"do": "exact", **slow})
    assert page.context["counted"] == (3_000, False)
    monkeypatch.setattr(counting, "EXACT_PATIENCE_MS", 1)
    assert "take too long to count" in visitor.post(new, {"do": "exact", **slow}).content.decode()


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ({"any-0-kind": "offers", "any-0-days": "many"}, "any"),
        ({"any-0-kind": "attribute", "any-0-name": "", "any-0-test": "is", "any-0-value": "x"}, "any"),
        ({"any-0-kind": "broadcast", "any-0-code": "brd_0000000000000000", "any-0-became": "was:read"}, "any"),
        ({"none-0-kind": "added", "none-0-when": "since", "none-0-day": "yesterday"}, "none"),
        ({"none-0-kind": "other", "none-0-json": '{"all": [[[['}, "none"),
        ({"all-0-kind": "attribute", "all-0-name": "a\x00b", "all-0-test": "is", "all-0-value": "x"}, "all"),
    ],
)
def test_what_is_wrong_stands_beside_its_row(db: None, row: dict[str, str], place: str) -> None:
    business, visitor = make_shop()
    page = visitor.post(reverse("segment-new", args=[business.code]), {"do": "save", "name": "Wrong", **row})
    assert page.status_code == 422
    assert page.context["sections"][place][0].faults
    assert visitor.post(reverse("segment-count", args=[business.code]), row).status_code == 200
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    "definition",
    [
        {"countries": ["FR"], "attributes": {"city": "Lyon", "age": {"between": [18, 30], "is_not": "20"}}},
        {
            "any": [
                {"interaction": {"kinds": ["purchase"], "within_days": 90, "at_least": 2}},
                {"last_reaction": "none"},
            ]
        },
        {"none": [{"contacts": ["ctc_1"]}, {"all": [{"languages": ["fr"]}, {"added": {"since": "2026-01-01"}}]}]},
        {"all": [{"offers": {"within_days": 30, "at_least": 2}}, {"interaction": {"kinds": ["visit", "click"]}}]},
    ],
)
def test_saving_what_the_editor_shows_changes_nobody(db: None, definition: dict[str, Any]) -> None:
    """Whatever a program wrote, opening and saving it in the browser leaves the same people in it."""
    from broadcasts import conditions
    from broadcasts.filters import words

    business, _visitor = make_shop()
    again = conditions.definition_of(conditions.sections_of(definition))
    before, after = (segments.read(business=business, definition=each) for each in (definition, again))
    assert sorted(words.describe(before, words.Called())) == sorted(words.describe(after, words.Called()))


def test_the_list_says_each_in_words_with_few_queries(db: None, django_assert_max_num_queries: Any) -> None:
    business, visitor = make_shop()
    code = make_broadcast(business=business).code
    for n in range(5):
        definition = {"broadcast": {"code": code, "was": "read"}}
        segments.create(business=business, name=f"S {n}", definition=definition, by=None, now=NOW)
    with django_assert_max_num_queries(9):
        page = visitor.get(reverse("segments", args=[business.code]))
    assert "read “Spring”" in page.content.decode()


def test_an_analyst_reads_and_changes_nothing(db: None) -> None:
    business, _visitor = make_shop()
    segment = segments.create(business=business, name="All", definition={}, by=None, now=NOW)
    analyst = make_client(make_user_of(business))
    assert "all contacts" in analyst.get(reverse("segments", args=[business.code])).content.decode()
    assert analyst.post(reverse("segment-archive", args=[business.code, segment.code])).status_code == 403


def make_user_of(business: Business) -> Any:
    user = make_user()
    make_member(business=business, role=Member.Role.ANALYST, user=user)
    return user


def test_copied_and_archived(db: None) -> None:
    business, visitor = make_shop()
    segment = segments.create(business=business, name="All", definition={}, by=None, now=NOW)
    visitor.post(reverse("segment-copy", args=[business.code, segment.code]))
    visitor.post(reverse("segment-copy", args=[business.code, segment.code]))
    visitor.post(reverse("segment-archive", args=[business.code, segment.code]))
    assert set(Segment.objects.in_use().values_list("name", flat=True)) == {"All (copy)", "All (copy) 2"}


def test_a_draft_takes_a_segment_and_leaves_another_out(db: None) -> None:
    business, visitor = make_shop()
    one, two = (segments.create(business=business, name=n, definition={}, by=None, now=NOW) for n in ("One", "Two"))
    draft = make_broadcast(business=business, audience={"contacts": ["ctc_1"], "any": [{"countries": ["FR"]}]})
    step = reverse("broadcast-step", args=[business.code, draft.code, "audience"])
    assert "Set by a program" in visitor.get(step).content.decode()
    answers = {"segment": one.code, "without": two.code, "holdout": "0"}
    assert visitor.post(step, answers).status_code == 302
    draft.refresh_from_db()
    assert draft.audience == {
        "contacts": ["ctc_1"],
        "any": [{"countries": ["FR"]}],
        "segment": one.code,
        "none": [{"segment": two.code}],
    }
    review = visitor.get(reverse("broadcast-review", args=[business.code, draft.code])).content.decode()
    assert "segment “One”" in review
    visitor.post(step, {"holdout": "0"})
    draft.refresh_from_db()
    assert draft.audience == {"contacts": ["ctc_1"], "any": [{"countries": ["FR"]}]}
