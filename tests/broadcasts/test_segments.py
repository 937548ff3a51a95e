"""Saved segments: what may be named in them, what a launch keeps of them, and what they never tell."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from broadcasts import audience, estimate, freeze, lifecycle, segments
from broadcasts.filters import counting, grammar
from broadcasts.filters.grammar import BadDefinition
from broadcasts.models import Broadcast, Delivery, Segment
from businesses.models import AuditEvent, Business, Member
from consent.models import Contact
from consent.reasons import DECIDED_AFTER, PLATFORM_FACTS, Reason
from tests.broadcasts.test_api import Program
from tests.make import (
    EURO,
    NOW,
    make_broadcast,
    make_business,
    make_client,
    make_launched,
    make_member,
    make_people,
)

NUL, HALF = "a\x00b", "a\ud800b"


def found(business: Business, definition: dict[str, Any]) -> int:
    tree = segments.read(business=business, definition=definition)
    return counting.count(business=business, tree=tree, now=NOW).n


def test_a_launch_keeps_what_the_segment_meant(db: None) -> None:
    business = make_business(money=100 * EURO)
    make_people(business=business, n=4)
    make_people(business=business, n=2, first=10, country="DE")
    segment = segments.create(business=business, name="FR", definition={"countries": ["FR"]}, by=None, now=NOW)
    draft = make_broadcast(business=business, audience={"segment": segment.code})
    token = estimate.estimate(broadcast=draft, now=NOW).token
    lifecycle.launch(broadcast=draft, token=token, by=None, now=NOW)

    segments.edit(segment=segment, definition={"countries": ["DE"]}, by=None, now=NOW)
    segments.archive(segment=segment, by=None, now=NOW)
    while freeze.next_slice(broadcast_id=draft.pk, now=NOW + timedelta(days=1)):
        pass
    assert Delivery.objects.filter(broadcast_id=draft.pk, country="FR").count() == 4
    assert Delivery.objects.filter(broadcast_id=draft.pk).count() == 4


def test_an_edited_segment_asks_for_a_new_estimate(db: None) -> None:
    business = make_business(money=100 * EURO)
    make_people(business=business, n=2)
    segment = segments.create(business=business, name="All", definition={}, by=None, now=NOW)
    draft = make_broadcast(business=business, audience={"segment": segment.code})
    token = estimate.estimate(broadcast=draft, now=NOW).token
    segments.edit(segment=segment, definition={"languages": ["en"]}, by=None, now=NOW)
    with pytest.raises(lifecycle.quote.CannotQuote, match="Something changed"):
        lifecycle.launch(broadcast=draft, token=token, by=None, now=NOW)
    segments.archive(segment=segment, by=None, now=NOW)
    with pytest.raises(BadDefinition, match="archived"):
        estimate.estimate(broadcast=draft, now=NOW)


def test_days_are_reckoned_from_the_estimate_that_was_confirmed(db: None) -> None:
    business = make_business(money=100 * EURO)
    make_people(business=business, n=1, days_ago=29)
    draft = make_broadcast(business=business, audience={"interaction": {"within_days": 30}})
    token = estimate.estimate(broadcast=draft, now=NOW).token
    lifecycle.launch(broadcast=draft, token=token, by=None, now=NOW)
    later = Broadcast.objects.select_related("business").get(pk=draft.pk)
    assert audience.meant(later).count() == 1
    assert not audience.contacts(business=business, definition=draft.audience, now=NOW + timedelta(days=2)).exists()


@pytest.mark.parametrize("reason", sorted(PLATFORM_FACTS | DECIDED_AFTER))
def test_whoever_was_left_out_for_others_looks_like_a_phone_that_is_off(db: None, reason: int) -> None:
    """No condition about a broadcast parts the two, nor does any other of the same people."""
    business = make_business(money=100 * EURO)
    off, left_out = make_people(business=business, n=2)
    broadcast = make_launched(business=business)
    freeze.next_slice(broadcast_id=broadcast.pk, now=NOW)
    rows = Delivery.objects.filter(broadcast_id=broadcast.pk)
    rows.filter(recipient_id=off).update(
        state=Delivery.State.SENT, interaction_id=1, basis=1, version_id=1, gated_at=NOW, sent_at=NOW
    )
    rows.filter(recipient_id=left_out).update(state=Delivery.State.SKIPPED, reason=reason)
    about = [
        {"broadcast": {"code": broadcast.code, key: value}}
        for key, values in (
            ("was", ["sent", "delivered", "read", "failed", "skipped", "absent"]),
            ("reaction", ["none", "interested", "not_interested"]),
        )
        for value in values
    ]
    codes = dict(Contact.objects.of(business).values_list("recipient_id", "code"))
    for asked in [*about, {"offers": {"within_days": 30}}]:
        one, other = (found(business, {**asked, "contacts": [codes[who]]}) for who in (off, left_out))
        assert one == other, (asked, Reason(reason))
    assert found(business, {"broadcast": {"code": broadcast.code, "was": "sent"}}) == 2


def test_other_businesses_codes_are_as_unknown_as_nobodys(db: None) -> None:
    business, stranger = make_business(), make_business(name="Other")
    theirs = make_broadcast(business=stranger).code
    segment = segments.create(business=stranger, name="All", definition={}, by=None, now=NOW).code
    said = []
    for code in (theirs, "brd_0000000000000000"):
        with pytest.raises(BadDefinition) as refused:
            segments.read(business=business, definition={"none": [{"broadcast": {"code": code, "was": "read"}}]})
        said.append(refused.value.findings)
    assert said[0] == said[1]
    assert said[0][0].path == "/none/0/broadcast/code"
    with pytest.raises(BadDefinition):
        audience.check(business=business, definition={"segment": segment})
    with pytest.raises(BadDefinition):
        segments.read(business=stranger, definition={"segment": segment})


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ([], ""),
        ("x", ""),
        (None, ""),
        (7, ""),
        ({"all": {}}, "/all"),
        ({"all": [[]]}, "/all/0"),
        ({"any": [{"none": [{"all": [{"any": []}]}]}]}, "/any/0/none/0/all/0/any"),
        ({"all": [{}] * 31}, "/all"),
        ({"attributes": {str(n): "x" for n in range(31)}}, "/attributes"),
        ({"contacts": ["ctc_1"] * 10_001}, "/contacts"),
        ({"contacts": ["'; --"]}, "/contacts/0"),
        ({"contacts": [{}]}, "/contacts/0"),
        ({"countries": [NUL]}, "/countries/0"),
        ({"attributes": {NUL: "x"}}, "/attributes/a�b"),
        ({"attributes": {"city": HALF}}, "/attributes/city"),
        ({"attributes": {"a/b~c": 1}}, "/attributes/a~1b~0c"),
        ({"attributes": {"city": {"matches": ".*"}}}, "/attributes/city/matches"),
        ({"attributes": {"age": {"more_than": True}}}, "/attributes/age/more_than"),
        ({"attributes": {"age": {"more_than": 10**400}}}, "/attributes/age/more_than"),
        ({"attributes": {"age": {"less_than": float("nan")}}}, "/attributes/age/less_than"),
        ({"attributes": {"age": {"between": [3, 1]}}}, "/attributes/age/between"),
        ({"attributes": {"age": {"between": [1, "2026-01-01"]}}}, "/attributes/age/between/1"),
        ({"attributes": {"day": {"since": "2026-02-30"}}}, "/attributes/day/since"),
        ({"added": {"since": "2026-05-02", "before": "2026-05-01"}}, "/added/before"),
        ({"interaction": {"kinds": ["theft"]}}, "/interaction/kinds"),
        ({"interaction": {"provenance": []}}, "/interaction/provenance"),
        ({"interaction": {"within_days": 0}}, "/interaction/within_days"),
        ({"interaction": 1}, "/interaction"),
        ({"last_reaction": {}}, "/last_reaction"),
        ({"broadcast": {"code": "brd_1"}}, "/broadcast"),
        ({"broadcast": {"code": ["x"], "was": "read"}}, "/broadcast/code"),
        ({"broadcast": {"code": "x", "was": "blocked"}}, "/broadcast/was"),
        ({"offers": {}}, "/offers"),
        ({"offers": {"within_days": 1e3}}, "/offers/within_days"),
        ({"1=1; DROP TABLE x": []}, "/1=1; DROP TABLE x"),
    ],
)
def test_what_is_wrong_is_pointed_at_whatever_it_is(db: None, definition: Any, path: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        segments.read(business=make_business(), definition=definition)
    assert path in [finding.path for finding in refused.value.findings]
    assert all(finding.message for finding in refused.value.findings)


def test_what_takes_long_is_told_about_and_leaves_no_manners_behind(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    business = make_business()
    make_people(business=business, n=3_000)
    monkeypatch.setattr(counting, "PATIENCE_MS", 1)
    tree = grammar.read({"any": [{"interaction": {"at_least": n}} for n in range(1, 20)]})
    counted = counting.count(business=business, tree=tree, now=NOW)
    assert counted.is_about
    assert 2_000 < counted.n < 4_500
    monkeypatch.setattr(counting, "EXACT_PATIENCE_MS", 1)
    with pytest.raises(counting.TooSlow):
        counting.exactly(business=business, tree=tree, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('enable_hashjoin')")
        assert cursor.fetchone() == ("0", "on")


def test_a_program_saves_counts_changes_and_puts_away(db: None) -> None:
    business = make_business()
    make_people(business=business, n=3)
    program = Program(business)
    made = program.post("segments", {"name": "FR", "definition": {"countries": ["FR"]}})
    assert made.status_code == 201
    code = made.json()["code"]
    counted = program.post("segments/count", {"definition": {"countries": ["FR"]}, "exact": True})
    assert counted.json() == {"n": 3, "is_about": False}
    assert program.post("segments", {"name": "fr", "definition": {}}).status_code == 422
    wrong = program.post("segments/count", {"definition": {"all": [{"added": {"since": "soon"}}]}})
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"] == "/definition/all/0/added/since"
    assert segments.archive(segment=Segment.objects.get(code=code), by=None, now=NOW)
    assert program.get(f"segments/{code}").status_code == 404
    assert program.get("segments").json()["data"] == []


# --- Out of the archive, and back to the composer ---------------------------------------------------


def test_an_archived_segment_comes_back_under_its_name(db: None) -> None:
    business, stranger = make_business(), make_business(name="Fleurs Petit")
    client = make_client(make_member(business=business, role=Member.Role.MARKETER))
    segment = segments.create(business=business, name="Lyon", definition={"countries": ["FR"]}, by=None, now=NOW)
    segments.archive(segment=segment, by=None, now=NOW)
    page = client.get(f"/b/{business.code}/segments/").content.decode()
    assert "Lyon" in page
    assert f"/b/{business.code}/segments/{segment.code}/restore/" in page

    other = segments.create(business=business, name="lyon", definition={}, by=None, now=NOW)
    where = f"/b/{business.code}/segments/{segment.code}/restore/"
    assert "choose another" in client.post(where, follow=True).content.decode()
    assert Segment.objects.in_use().get() == other
    segments.archive(segment=other, by=None, now=NOW)
    for _ in range(2):
        assert client.post(where).status_code == 302
    assert Segment.objects.in_use().get() == segment
    assert AuditEvent.objects.filter(action="segment.restored").count() == 1
    assert Segment.objects.in_use().of(stranger).count() == 0


def test_a_program_lists_and_restores_what_was_archived(db: None) -> None:
    business, stranger = make_business(), make_business(name="Fleurs Petit")
    segment = segments.create(business=business, name="Lyon", definition={}, by=None, now=NOW)
    segments.archive(segment=segment, by=None, now=NOW)
    program = Program(business)
    listed = program.get("segments/archived").json()["data"]
    assert [(each["code"], each["archived_at"] is not None) for each in listed] == [(segment.code, True)]
    assert Program(stranger).post(f"segments/{segment.code}/restore", {}).status_code == 404
    assert program.post(f"segments/{segment.code}/restore", {}).json()["archived_at"] is None
    assert program.post(f"segments/{segment.code}/restore", {}).status_code == 200
    assert program.get("segments/archived").json()["data"] == []


def test_who_makes_a_segment_for_a_broadcast_is_led_back_to_it_and_loses_nothing(db: None) -> None:
    business, stranger = make_business(), make_business(name="Fleurs Petit")
    make_people(business=business, n=2)
    client = make_client(make_member(business=business, role=Member.Role.MARKETER))
    draft, theirs = make_broadcast(business=business), make_broadcast(business=stranger)
    audience_step = f"/b/{business.code}/broadcasts/{draft.code}/compose/audience/"
    answer = client.post(audience_step, {"countries": ["FR"], "holdout": "0", "go": "segment"})
    draft.refresh_from_db()
    assert draft.audience == {"countries": ["FR"]}
    assert answer["Location"] == f"/b/{business.code}/segments/new/?for={draft.code}"
    assert audience_step in client.get(answer["Location"]).content.decode()
    done = client.post(answer["Location"], {"name": "Lyon", "do": "save"})
    assert (done.status_code, done["Location"]) == (302, audience_step)
    for code in (theirs.code, "x", "\x00"):
        done = client.post(
            f"/b/{business.code}/segments/new/", {"name": f"n{code[:3]!r}", "do": "save"}, query_params={"for": code}
        )
        assert done["Location"] == f"/b/{business.code}/segments/"
