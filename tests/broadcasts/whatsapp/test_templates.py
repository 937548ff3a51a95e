"""Two reviews: what we approved is submitted as it is, and nothing leaves before WhatsApp approved the very same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from broadcasts import approvals, estimate, plan, submissions
from broadcasts.channels.whatsapp import wording
from broadcasts.models import ProviderTemplate, SenderMedia
from businesses.models import Business
from consent.reasons import Reason
from templates_approval import placeholders, render, review
from templates_approval.models import Template, Version
from tests.broadcasts.whatsapp.emulator import ACCOUNT, Emulator
from tests.broadcasts.whatsapp.shop import PNG, Shop, connect, with_own_page, with_picture
from tests.make import (
    TEMPLATE_COMPONENTS,
    make_approved_version,
    make_broadcast,
    make_business,
    make_launched,
    make_people,
    open_policy,
)

State = ProviderTemplate.State


def carry(seconds: float = 0) -> int:
    return submissions.carry(now=datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.fixture
def business(door: str) -> Business:
    open_policy()
    return make_business(money=100_000_000)


def test_what_we_approved_is_submitted_word_for_word(business: Business, meta: Emulator) -> None:
    version = make_approved_version(business=business)
    connect(business)
    carry()
    [submitted] = [told for path, told in meta.asked if path == f"POST {ACCOUNT}/message_templates"]
    assert submitted["components"] == version.components
    assert (submitted["category"], submitted["language"], submitted["parameter_format"]) == ("MARKETING", "en", "NAMED")
    assert submitted["name"].startswith("spring_sale_")
    features = submitted["degrees_of_freedom_spec"]["creative_features_spec"]
    assert len(features) == len(wording.CREATIVE_FEATURES)
    assert {feature["enroll_status"] for feature in features.values()} == {"OPT_OUT"}
    assert ProviderTemplate.objects.get().state == State.PENDING
    carry(1)
    assert len(meta.templates) == 1, "once"


def test_a_version_approved_later_is_submitted_by_the_clock(business: Business, meta: Emulator) -> None:
    connect(business)
    assert carry() == 0
    make_approved_version(business=business)
    assert carry() == 1
    assert ProviderTemplate.objects.get().state == State.PENDING


def test_nothing_is_launched_before_whatsapp_has_said_yes(business: Business, meta: Emulator) -> None:
    version = make_approved_version(business=business)
    sender = connect(business)
    carry()
    make_people(business=business, n=3, now=datetime.now(UTC))
    broadcast = make_broadcast(business=business, version=version, sender=sender, now=datetime.now(UTC))
    with pytest.raises(ValidationError) as refused:
        estimate.estimate(broadcast=broadcast, now=datetime.now(UTC))
    assert refused.value.code == "template_unavailable"
    assert "in the provider’s review" in refused.value.messages[0]
    with override("fr"), pytest.raises(ValidationError, match="ne peut pas partir sur WhatsApp"):
        estimate.estimate(broadcast=broadcast, now=datetime.now(UTC))

    meta.decides(ProviderTemplate.objects.get().name, "APPROVED")
    assert estimate.estimate(broadcast=broadcast, now=datetime.now(UTC)).n_eligible == 3


def test_a_rejection_is_told_in_whatsapps_own_words(business: Business, meta: Emulator) -> None:
    version = make_approved_version(business=business)
    sender = connect(business)
    carry()
    info = {"reason": "A variable stands at the end.", "recommendation": "Add words after it."}
    meta.decides(ProviderTemplate.objects.get().name, "REJECTED", reason="INVALID_FORMAT", rejection_info=info)
    words = approvals.obstacle(sender=sender, versions=[version], now=datetime.now(UTC))
    assert "rejected by the provider" in words
    assert "A variable stands at the end. Add words after it." in words
    version.refresh_from_db()
    assert version.state == Version.State.APPROVED, "their state is not ours"


def test_the_clock_asks_when_nobody_tells(business: Business, meta: Emulator) -> None:
    make_approved_version(business=business)
    connect(business)
    carry()
    next(iter(meta.templates.values()))["status"] = "APPROVED"
    assert carry(60) == 0, "asked ten minutes later, not all the time"
    assert carry(700) == 1
    assert ProviderTemplate.objects.get().state == State.APPROVED


def test_what_is_older_changes_nothing(shop: Shop, meta: Emulator) -> None:
    row = ProviderTemplate.objects.get()
    value = {"event": "PAUSED", "message_template_id": row.provider_id, "message_template_name": row.name}
    assert meta.tell("message_template_status_update", value, at=datetime.now(UTC).timestamp() - 3600) == 200
    assert ProviderTemplate.objects.get().state == State.APPROVED


@pytest.mark.parametrize(("event", "state"), [("FLAGGED", State.APPROVED), ("REINSTATED", State.APPROVED),
                                              ("LOCKED", State.APPROVED), ("ARCHIVED", State.GONE)])  # fmt: skip
def test_events_that_are_no_states(shop: Shop, meta: Emulator, event: str, state: str) -> None:
    assert meta.decides(ProviderTemplate.objects.get().name, event) == 200
    assert ProviderTemplate.objects.get().state == state


def test_a_crash_after_submitting_finds_it_there_again(business: Business, meta: Emulator) -> None:
    make_approved_version(business=business)
    connect(business)
    carry()
    ProviderTemplate.objects.update(state=State.SUBMITTING, provider_id="", due_at=datetime.now(UTC))
    carry()
    row = ProviderTemplate.objects.get()
    assert (row.state, row.provider_id) == (State.PENDING, next(iter(meta.templates)))
    assert len(meta.templates) == 1


@pytest.mark.parametrize("trouble", [80007, "html", 190])
def test_a_provider_that_is_away_is_asked_later(business: Business, meta: Emulator, trouble: Any) -> None:
    make_approved_version(business=business)
    connect(business)
    meta.broken = {"message_templates": trouble}
    carry()
    row = ProviderTemplate.objects.get()
    assert row.state == State.SUBMITTING
    assert row.due_at > datetime.now(UTC) + timedelta(minutes=1)
    meta.broken = {}
    carry(3700)
    assert ProviderTemplate.objects.get().state == State.PENDING


def test_another_category_is_no_offer_any_more(shop: Shop, meta: Emulator) -> None:
    row = ProviderTemplate.objects.get()
    value = {
        "message_template_id": row.provider_id,
        "message_template_name": row.name,
        "previous_category": "MARKETING",
        "new_category": "UTILITY",
    }
    assert meta.tell("template_category_update", value) == 200
    words = approvals.obstacle(sender=shop.sender, versions=[shop.version], now=datetime.now(UTC))
    assert "another category" in words


def test_the_gate_asks_again(shop: Shop, meta: Emulator) -> None:
    make_people(business=shop.business, n=2, now=datetime.now(UTC))
    broadcast = make_launched(business=shop.business, version=shop.version, sender=shop.sender, now=datetime.now(UTC))
    assert plan.read(broadcast.pk).obstacle is None
    ProviderTemplate.objects.update(state=State.DISABLED)
    asked = plan.read(broadcast.pk)
    assert asked.obstacle == Reason.TEMPLATE_UNAVAILABLE
    assert "désactivé par le prestataire" in asked.obstacle_words, "in the business's language"
    ProviderTemplate.objects.update(state=State.APPROVED, content_hash="0" * 64)
    assert plan.read(broadcast.pk).obstacle == Reason.TEMPLATE_UNAVAILABLE, "their yes was about other words"


def test_another_business_says_nothing_about_mine(shop: Shop, meta: Emulator) -> None:
    rival = make_business(name="Rival")
    theirs = make_approved_version(business=rival)
    row = ProviderTemplate.objects.get()
    # Should two tenants share one account at Meta: each hears of its own versions only.
    other = ProviderTemplate.objects.create(
        sender=shop.sender, account=ACCOUNT, version=theirs, name="x", language="en", content_hash="0",
        provider_id="77", state=State.APPROVED, due_at=row.due_at, created_at=row.created_at,
    )  # fmt: skip
    meta.tell("message_template_status_update", {"event": "DISABLED", "message_template_id": "77"})
    other.refresh_from_db()
    assert other.state == State.APPROVED


# --- The person's own page ------------------------------------------------------------------------


def test_a_button_to_ones_own_page_needs_no_example(business: Business, meta: Emulator, door: str) -> None:
    version = make_approved_version(business=business, components=with_own_page(door))
    connect(business)
    carry()
    [submitted] = [told for path, told in meta.asked if path == f"POST {ACCOUNT}/message_templates"]
    *_, button = submitted["components"][-1]["buttons"]
    assert button == {**version.components[-1]["buttons"][-1], "example": [f"{door}/p/mine"]}
    assert ProviderTemplate.objects.get().state == State.PENDING
    assert "own" not in " ".join(placeholders.variables(version.components)), "nobody has to supply it"
    shown = render.render(version.components, placeholders.examples(version.components), fallbacks={})
    assert shown.buttons[-1].url == f"{door}/p/mine", "in a preview it leads to the door"


def test_another_sites_button_gets_nobodys_page(business: Business, meta: Emulator, door: str) -> None:
    for url in (f"{door}.evil.example", f"{door}/other", "https://shop.example"):
        elsewhere = with_own_page(url)
        assert placeholders.variables(elsewhere)[-1] == "button.2.1"


# --- Headers with a file --------------------------------------------------------------------------


@pytest.mark.usefixtures("_rules_let_pictures_pass")
def test_here_our_rules_let_pictures_pass_and_nothing_else() -> None:
    header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://shop.example/a.png"]}}
    kept = Version(language="en", template=Template(category="marketing"), components=[header, *TEMPLATE_COMPONENTS])
    assert review.findings_of(kept) == []
    kept.components = [header, {"type": "BODY", "text": "Bread at half price, see bit.ly/bread today."}]
    found = {finding.code for finding in review.findings_of(kept)}
    assert "link_shortened" in found
    assert "header_not_carried" not in found


@pytest.mark.usefixtures("_rules_let_pictures_pass")
def test_a_picture_is_uploaded_once_for_the_sender_and_renewed(business: Business, meta: Emulator) -> None:
    meta.files = {"picture.png": PNG}
    version = with_picture(business, f"{meta.url}/picture.png")
    sender = connect(business)
    for _ in range(3):
        carry()
    assert [(file["type"], file["content"]) for file in meta.media] == [("image/png", PNG)]
    [submitted] = [told for path, told in meta.asked if path == f"POST {ACCOUNT}/message_templates"]
    assert submitted["components"][0]["example"] == {"header_handle": ["4::sample1"]}, "a sample that reviewers see"
    content = wording.of_version(sender, version).content({"first_name": "Ana", "discount": "20"})
    assert content["components"][0] == {"type": "header", "parameters": [{"type": "image", "image": {"id": "media1"}}]}

    meta.decides(ProviderTemplate.objects.get().name, "APPROVED")
    now = datetime.now(UTC)
    assert approvals.obstacle(sender=sender, versions=[version], now=now) == ""
    carry(28 * 86_400)
    assert len(meta.media) == 2, "before WhatsApp forgets it"
    meta.files = {"picture.png": PNG + b"another"}
    SenderMedia.objects.update(due_at=now)
    carry()
    assert len(meta.media) == 2, "not another picture than the one that was reviewed"
    assert SenderMedia.objects.get().fault == "media_changed"
    assert approvals.obstacle(sender=sender, versions=[version], now=now) == "", "the first one is still kept there"
    SenderMedia.objects.update(fault="")
    SenderMedia.objects.update(expires_at=now)
    assert "not uploaded yet" in approvals.obstacle(sender=sender, versions=[version], now=now)


@pytest.mark.promise("P9")
@pytest.mark.usefixtures("_rules_let_pictures_pass")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
def test_an_address_inside_is_not_fetched(business: Business, meta: Emulator, settings: Any, host: str) -> None:
    meta.files = {"picture.png": PNG}
    settings.TRUSTED_HOSTS = []
    version = with_picture(business, f"http://{host}:{meta.url.rpartition(':')[2]}/picture.png")
    sender = connect(business)
    carry()
    assert not meta.media
    ProviderTemplate.objects.update(state=State.APPROVED)
    assert "may not be asked" in approvals.obstacle(sender=sender, versions=[version], now=datetime.now(UTC))


@pytest.mark.usefixtures("_rules_let_pictures_pass")
def test_a_file_too_large_or_gone_is_a_sentence(business: Business, meta: Emulator) -> None:
    meta.files = {"large.png": b"0" * 5_000_001}
    version = with_picture(business, f"{meta.url}/large.png")
    sender = connect(business)
    carry()
    ProviderTemplate.objects.update(state=State.APPROVED)
    assert "larger than WhatsApp takes" in approvals.obstacle(sender=sender, versions=[version], now=datetime.now(UTC))
    meta.files = {}
    carry(700)
    assert "could not be fetched" in approvals.obstacle(sender=sender, versions=[version], now=datetime.now(UTC))


@pytest.mark.usefixtures("_rules_let_pictures_pass")
def test_a_sample_without_an_address_cannot_be_sent(business: Business, meta: Emulator) -> None:
    version = with_picture(business, "4::an-old-handle")
    sender = connect(business)
    carry()
    assert not meta.templates
    assert "https://" in approvals.obstacle(sender=sender, versions=[version], now=datetime.now(UTC))
