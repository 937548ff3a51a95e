"""The composer's fields become component JSON and back, and what the rules say stands beside the right field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from businesses.models import Business
from templates_approval import forms, gallery, rules, writing
from templates_approval.forms import ComposerForm
from tests.make import make_business, make_draft, make_submitted

FILLED = {
    "mode": "form",
    "name": "spring_sale",
    "category": "marketing",
    "language": "en",
    "header": "Spring is here",
    "body": "Hello {{first_name}}, this week you get 20 percent off in our shop.",
    "footer": "Reply STOP to end these offers",
    "link_label": "See the offer",
    "link_url": "https://www.example.com/offer",
    "example:first_name": "Ana",
    "fallback:first_name": "there",
}


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


def fill(business: Business, **changed: str) -> ComposerForm:
    return ComposerForm({**FILLED, **changed}, business=business)


def places(form: ComposerForm) -> dict[str, str]:
    return {finding.code: form.field_of(finding) for finding in form.findings}


def test_the_fields_make_component_json(business: Business) -> None:
    form = fill(business)
    assert form.is_valid(), form.errors
    assert form.findings == []
    assert form.components() == writing.components(
        language="en",
        header="Spring is here",
        body=FILLED["body"],
        footer="Reply STOP to end these offers",
        examples={"first_name": "Ana"},
        link=("See the offer", "https://www.example.com/offer"),
    )
    assert form.fallbacks() == {"first_name": "there"}


def test_the_reactions_come_by_themselves_in_the_language(business: Business) -> None:
    labels = [button["text"] for button in fill(business, language="fr_BE").components()[-1]["buttons"]]
    assert labels == ["Intéressé", "Pas intéressé", "See the offer"]


def test_each_variable_gets_its_fields(business: Business) -> None:
    form = fill(business, body="Hello {{first_name}}, come and see us at {{shop}} today.")
    assert [row.name for row in form.variable_rows] == ["first_name", "shop"]
    assert form.fallbacks() == {"first_name": "there"}
    assert places(form) == {"example_missing": "example:shop"}


def test_a_variable_that_left_the_text_leaves_no_trace(business: Business) -> None:
    form = fill(business, body="Hello, this week you get 20 percent off in our shop.")
    assert form.variable_rows == []
    assert form.fallbacks() == {}
    assert "Ana" not in json.dumps(form.components())


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"header": "x" * 61}, "header_too_long", "header"),
        ({"body": "y" * 1025}, "body_too_long", "body"),
        ({"body": "{{first_name}} is here today with our offer."}, "variable_at_edge", "body"),
        ({"footer": "Thanks"}, "stop_missing", "footer"),
        ({"footer": ""}, "stop_missing", "footer"),
        ({"link_label": "z" * 26}, "label_too_long", "link_label"),
        ({"link_url": "ftp://example.com"}, "url_not_web", "link_url"),
        ({"link_url": "https://bit.ly/x"}, "link_shortened", "link_url"),
        ({"link_label": ""}, "label_empty", "link_label"),
        ({"category": "utility"}, "category_not_marketing", "category"),
        ({"example:first_name": ""}, "example_missing", "example:first_name"),
        ({"fallback:first_name": "a" + " " * 6 + "b"}, "value_unusable", "fallback:first_name"),
    ],
)
def test_a_finding_stands_beside_its_field(business: Business, changed: dict[str, str], code: str, field: str) -> None:
    form = fill(business, **changed)
    assert places(form).get(code) == field
    row = form.row(field)
    assert code in [finding.code for finding in row.findings]


def test_component_json_is_taken_as_it_is(business: Business) -> None:
    components = writing.components(language="en", body="Hello, an offer for you.", examples={})
    form = ComposerForm(
        {**FILLED, "mode": "json", "components_json": json.dumps({"components": components})}, business=business
    )
    assert form.is_valid(), form.errors
    assert form.components() == components
    assert "body" not in form.fields


def test_broken_json_is_said_beside_the_field(business: Business) -> None:
    form = ComposerForm({**FILLED, "mode": "json", "components_json": "[\n{]"}, business=business)
    assert not form.is_valid()
    assert "line 2" in form.errors["components_json"][0]
    assert form.rendered().body == ""
    assert form.findings == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "Spring Sale"}, "name"),
        ({"name": ""}, "name"),
        ({"body": ""}, "body"),
        ({"language": "xx"}, "language"),
        ({"body": "null \x00 byte"}, "body"),
        ({"header": "\ud800"}, "__all__"),
    ],
)
def test_what_cannot_be_kept_is_refused(business: Business, changed: dict[str, str], field: str) -> None:
    form = fill(business, **changed)
    assert not form.is_valid()
    assert field in form.errors


def test_a_name_is_used_once(business: Business) -> None:
    make_draft(business=business, name="spring_sale")
    assert "name" in fill(business).errors
    assert fill(make_business()).is_valid()


def test_a_second_language_keeps_the_name(business: Business) -> None:
    template = make_draft(business=business, name="autumn_sale").template
    form = ComposerForm({**FILLED, "language": "fr"}, business=business, template=template)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["name"] == "autumn_sale"
    again = ComposerForm({**FILLED, "language": "en"}, business=business, template=template)
    assert "language" in again.errors


def test_an_edit_starts_with_what_there_is(business: Business) -> None:
    components, fallbacks = gallery.SEEDS[0].in_language("en")
    version = make_submitted(business=business)
    version.components, version.fallbacks = components, fallbacks
    form = ComposerForm(business=business, version=version)
    assert form.mode_now == "form"
    assert form.components() == components
    assert form.fallbacks() == fallbacks
    assert form.fields["name"].disabled
    assert form.fields["language"].disabled


@pytest.mark.parametrize("seed", gallery.SEEDS, ids=lambda seed: seed.slug)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_seed_survives_the_plain_fields(db: None, seed: gallery.Seed, language: str) -> None:
    components, fallbacks = seed.in_language(language)
    initial = forms.initial_from(components, fallbacks, language=language)
    assert initial["mode"] == "form"


@pytest.mark.parametrize(
    "extra",
    [
        {"type": "QUICK_REPLY", "text": "Call me back"},
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+33123456789"},
    ],
)
def test_what_the_plain_fields_cannot_say_stays_component_json(db: None, extra: dict[str, Any]) -> None:
    components = writing.components(language="en", body="Hello, an offer for you.", examples={})
    components[-1]["buttons"].append(extra)
    initial = forms.initial_from(components, {}, language="en")
    assert initial["mode"] == "json"
    assert json.loads(initial["components_json"]) == components


def test_the_form_shows_every_error_of_the_rules(business: Business) -> None:
    form = fill(business, body="{{a}}{{b}}", footer="x" * 61, link_url="javascript:alert(1)")
    beside = [finding for row in (*form.head_rows, *form.text_rows) for finding in row.findings]
    beside += [finding for variable in form.variable_rows if variable.example for finding in variable.example.findings]
    beside += [finding for variable in form.variable_rows for finding in variable.fallback.findings]
    assert {finding.code for finding in rules.errors(form.findings)} <= {finding.code for finding in beside}
    assert len(beside) == len(form.findings)
