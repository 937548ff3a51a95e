"""The business's own pages about its templates, as its members and strangers meet them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from businesses.models import Business, Member, User
from templates_approval import gallery, review
from templates_approval.models import Version
from templates_approval.reasons import Reason
from tests.make import NOW, make_business, make_draft, make_member, make_reviewer, make_submitted, make_user
from tests.templates_approval.test_forms import FILLED

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def marketer(business: Business) -> Client:
    return client_of(make_member(business=business, role=Member.Role.MARKETER))


@pytest.fixture
def analyst(business: Business) -> Client:
    return client_of(make_member(business=business, role=Member.Role.ANALYST))


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


# --- The list ----------------------------------------------------------------------------------


def test_an_empty_list_names_the_next_step(business: Business, marketer: Client) -> None:
    page = text_of(marketer.get(f"/b/{business.code}/templates/"))
    assert "No templates yet" in page
    assert all(f"gallery={seed.slug}" in page for seed in gallery.SEEDS)


def test_the_list_shows_the_newest_version_of_each_language(
    business: Business, analyst: Client, django_assert_max_num_queries: Any
) -> None:
    review.reject(
        version=make_submitted(business=business),
        reviewer=make_reviewer(),
        reason_codes=[Reason.SCAM],
        words="No.",
        now=NOW,
    )
    newest = make_submitted(business=business, body="Hello, a quite different offer.")
    for n in range(10):
        make_draft(business=business, name=f"offer_{n}")
    make_draft(business=make_business(), name="not_ours")
    with django_assert_max_num_queries(8):
        page = text_of(analyst.get(f"/b/{business.code}/templates/"))
    assert page.count(">spring_sale</a>") == 1
    assert newest.code in page
    assert "offer_9" in page
    assert "not_ours" not in page
    assert "New template" not in page


# --- Who may -----------------------------------------------------------------------------------

PAGES = ["", "new/", "{version}/", "{version}/edit/"]
POSTS = ["new/", "preview/", "{version}/edit/", "{version}/submit/"]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_finds_nothing(business: Business, page: str) -> None:
    version = make_draft(business=business)
    address = f"/b/{business.code}/templates/{page.format(version=version.code)}"
    assert client_of(make_user()).get(address).status_code == 404
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize("page", POSTS)
def test_a_stranger_changes_nothing(business: Business, page: str) -> None:
    version = make_draft(business=business)
    address = f"/b/{business.code}/templates/{page.format(version=version.code)}"
    assert client_of(make_user()).post(address, FILLED | {"action": "submit"}).status_code == 404
    assert Version.objects.get().state == Version.State.DRAFT


@pytest.mark.parametrize("page", [*POSTS, "new/", "{version}/edit/"])
def test_an_analyst_reads_only(business: Business, analyst: Client, page: str) -> None:
    version = make_draft(business=business)
    address = f"/b/{business.code}/templates/{page.format(version=version.code)}"
    assert analyst.post(address, FILLED | {"action": "save"}).status_code == 403
    assert analyst.get(f"/b/{business.code}/templates/{version.code}/").status_code == 200


@pytest.mark.parametrize("page", ["{version}/", "{version}/edit/"])
def test_another_businesss_version_is_not_found(business: Business, marketer: Client, page: str) -> None:
    version = make_draft(business=make_business())
    address = f"/b/{business.code}/templates/{page.format(version=version.code)}"
    assert marketer.get(address).status_code == 404


def test_a_preview_does_not_read_another_businesss_version(business: Business, marketer: Client) -> None:
    version = make_draft(business=make_business(), body="Hello, the secret of the others.")
    answer = marketer.post(f"/b/{business.code}/templates/preview/", FILLED | {"version": version.code})
    assert "secret of the others" not in text_of(answer)


# --- The composer ------------------------------------------------------------------------------


def test_composing_keeps_a_draft(business: Business, marketer: Client) -> None:
    answer = marketer.post(f"/b/{business.code}/templates/new/", FILLED | {"action": "save"})
    version = Version.objects.get()
    assert answer.url == f"/b/{business.code}/templates/{version.code}/"  # type: ignore[attr-defined]
    assert (version.state, version.template.name) == (Version.State.DRAFT, "spring_sale")
    assert version.fallbacks == {"first_name": "there"}


def test_composing_submits(business: Business, marketer: Client) -> None:
    marketer.post(f"/b/{business.code}/templates/new/", FILLED | {"action": "submit"})
    version = Version.objects.get()
    assert version.state == Version.State.SUBMITTED
    assert review.is_untouched(version)


def test_a_bad_draft_is_kept_and_shown_with_its_findings(business: Business, marketer: Client) -> None:
    bad = FILLED | {"action": "submit", "footer": "Thanks", "body": "{{first_name}}, an offer for you today only."}
    answer = marketer.post(f"/b/{business.code}/templates/new/", bad, follow=True)
    version = Version.objects.get()
    assert version.state == Version.State.DRAFT
    assert answer.redirect_chain[-1][0].endswith(f"{version.code}/edit/")  # type: ignore[attr-defined]
    page = text_of(answer)
    assert "The draft is kept, but not submitted" in page
    beside = page.partition('id="findings_footer"')[2].partition("</div>")[0]
    assert "Neither body nor footer says how to stop" in beside


def test_a_preview_without_javascript(business: Business, marketer: Client) -> None:
    answer = marketer.post(f"/b/{business.code}/templates/new/", FILLED | {"action": "preview"})
    page = text_of(answer)
    assert answer.status_code == 200
    assert "Hello Ana, this week" in page
    assert 'name="fallback:first_name"' in page
    assert not Version.objects.exists()


def test_a_refused_form_says_what_to_mend(business: Business, marketer: Client) -> None:
    answer = marketer.post(f"/b/{business.code}/templates/new/", FILLED | {"action": "save", "name": "Spring Sale"})
    assert answer.status_code == 422
    assert "This needs mending" in text_of(answer)
    assert not Version.objects.exists()


def test_the_live_preview_sends_new_variables_only_when_there_are_any(business: Business, marketer: Client) -> None:
    address = f"/b/{business.code}/templates/preview/"
    first = text_of(marketer.post(address, FILLED | {"variables_shown": ""}))
    again = text_of(marketer.post(address, FILLED | {"variables_shown": "first_name"}))
    assert "Hello Ana" in first
    assert 'id="variables" hx-swap-oob' in first
    assert 'id="variables"' not in again
    assert 'id="findings_body" hx-swap-oob' in again


@pytest.mark.parametrize("mode", ["form", "json"])
def test_the_preview_survives_an_empty_form(business: Business, marketer: Client, mode: str) -> None:
    assert marketer.post(f"/b/{business.code}/templates/preview/", {"mode": mode}).status_code == 200


def test_the_gallery_fills_the_composer(business: Business, marketer: Client) -> None:
    page = text_of(marketer.get(f"/b/{business.code}/templates/new/?gallery=seasonal_sale&language=fr"))
    assert "Les soldes {{season}} commencent" in page
    assert "Les soldes d’été commencent" in page
    assert "Ready to submit" in page


def test_component_json_can_be_written(business: Business, marketer: Client) -> None:
    components, _fallbacks = gallery.SEEDS[1].in_language("en")
    assert 'name="components_json"' in text_of(marketer.get(f"/b/{business.code}/templates/new/?mode=json"))
    fields = {
        "mode": "json", "name": "from_elsewhere", "category": "marketing", "language": "en",
        "components_json": json.dumps(components), "action": "submit",
    }  # fmt: skip
    marketer.post(f"/b/{business.code}/templates/new/", fields)
    assert Version.objects.get().components == components


def test_component_json_is_told_the_place_of_each_fault(business: Business, marketer: Client) -> None:
    components = [{"type": "BODY", "text": 5}, {"type": "FOOTER", "text": "x" * 61}]
    fields = {"mode": "json", "name": "odd", "category": "marketing", "language": "en", "action": "submit"}
    address = f"/b/{business.code}/templates/new/"
    page = text_of(marketer.post(address, {**fields, "components_json": json.dumps(components)}, follow=True))
    assert "<code>components[0].text</code>" in page
    assert "<code>components[1].text</code>" in page


def test_another_language_of_the_same_template(business: Business, marketer: Client) -> None:
    template = make_draft(business=business).template
    address = f"/b/{business.code}/templates/new/?template={template.code}"
    assert template.name in text_of(marketer.get(address))
    french = FILLED | {"language": "fr", "footer": "Répondez STOP", "action": "save", "name": "ignored"}
    marketer.post(address, french)
    version = Version.objects.get(language="fr")
    assert version.template == template


# --- A version ---------------------------------------------------------------------------------


def test_the_page_of_a_version_tells_everything(
    business: Business, marketer: Client, django_assert_max_num_queries: Any
) -> None:
    first = make_submitted(business=business)
    review.reject(
        version=first, reviewer=make_reviewer(), reason_codes=[Reason.SCAM], words="Say who you are.", now=NOW,
        note="Third time this week.",
    )  # fmt: skip
    second = make_submitted(business=business, body="Hello from Martin, a quite different offer.")
    with django_assert_max_num_queries(10):
        page = text_of(marketer.get(f"/b/{business.code}/templates/{second.code}/"))
    assert "Say who you are." in page
    assert "A reviewer decides by" in page
    assert "[+" in page
    rejected = text_of(marketer.get(f"/b/{business.code}/templates/{first.code}/"))
    assert "looks like fraud" in rejected
    assert "There is a newer version" in rejected
    assert "Third time this week" not in page + rejected


def test_fix_and_resubmit(business: Business, marketer: Client) -> None:
    first = make_submitted(business=business)
    review.reject(
        version=first, reviewer=make_reviewer(), reason_codes=[Reason.SCAM], words="Say who you are.", now=NOW
    )
    assert "Fix and resubmit" in text_of(marketer.get(f"/b/{business.code}/templates/{first.code}/"))
    edit = f"/b/{business.code}/templates/{first.code}/edit/"
    assert "Say who you are." in text_of(marketer.get(edit))
    marketer.post(edit, FILLED | {"body": "Hello from Martin, an offer for you.", "action": "submit"})
    assert list(Version.objects.order_by("number").values_list("number", "state")) == [
        (1, "rejected"),
        (2, "submitted"),
    ]


def test_editing_an_old_version_leads_to_the_draft(business: Business, marketer: Client) -> None:
    first = make_submitted(business=business)
    draft = make_draft(business=business, body="Hello, a quite different offer.")
    answer = marketer.get(f"/b/{business.code}/templates/{first.code}/edit/")
    assert answer.url.endswith(f"{draft.code}/edit/")  # type: ignore[attr-defined]


def test_submitting_from_the_version_page(business: Business, marketer: Client) -> None:
    version = make_draft(business=business)
    address = f"/b/{business.code}/templates/{version.code}/submit/"
    assert marketer.get(address).status_code == 405
    assert "Submitted." in text_of(marketer.post(address, follow=True))
    assert "submitted already" in text_of(marketer.post(address, follow=True))


def test_words_of_the_business_never_become_tags(business: Business, marketer: Client) -> None:
    version = make_draft(business=business, body=f"Hello {EVIL} {{{{1234*4321}}}} {{% debug %}} bye")
    address = f"/b/{business.code}/templates/"
    posted = FILLED | {"body": EVIL, "header": EVIL, "link_url": EVIL, "example:first_name": EVIL, "name": EVIL}
    pages = [
        marketer.get(f"{address}{version.code}/"),
        marketer.get(f"{address}{version.code}/edit/"),
        marketer.post(f"{address}new/", posted | {"action": "preview"}),
        marketer.post(f"{address}preview/", posted | {"body": f"{{{{{EVIL}}}}}"}),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in text_of(page)
        assert "<img" not in text_of(page)
        assert str(1234 * 4321) not in text_of(page)
