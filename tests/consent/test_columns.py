"""Columns are guessed from titles and first cells, and arranged as the business says."""

import pytest

from consent import columns
from consent.columns import Layout


def arranged(titles, sample=(), **more):
    return columns.arranged(titles, columns.guess(titles, sample, **more))


def test_headers_of_the_neighbours_are_understood():
    found = arranged(["N° de téléphone", "NOM", "Prénom ", "Pays", "Opt-out offered", "Code promo", ""])
    assert found.own == {"phone": 0, "country": 3, "opt_out_offered": 4}
    assert found.attributes == ((1, "last_name"), (2, "first_name"), (5, "code_promo"))
    assert arranged(["Nom", "Mobile", "Téléphone"]).own == {"phone": 1, "name": 0}


@pytest.mark.parametrize(
    ("titles", "row", "roles"),
    [
        # listmonk: numbers are among the attributes
        (
            ["uuid", "email", "name", "attributes", "status", "created_at", "updated_at"],
            ["5f…", "zoe@example.org", "Zoé", '{"phone": "+33639980001"}', "blocklisted", "2024-01-01", "2024-01-01"],
            ["attribute", "attribute", "name", "details", "stopped", "attribute", "attribute"],
        ),
        # Brevo
        (
            ["EMAIL", "LASTNAME", "FIRSTNAME", "SMS", "WHATSAPP", "SMS_BLACKLISTED"],
            ["zoe@example.org", "Durand", "Zoé", "33639980001", "33639980001", "true"],
            ["attribute", "attribute", "attribute", "attribute", "phone", "stopped"],
        ),
        # Meta's lead forms
        (
            ["id", "created_time", "platform", "full_name", "phone_number"],
            ["l:123", "2026-03-14T10:00:00+01:00", "fb", "Zoé Durand", "p:+33639980001"],
            ["attribute", "attribute", "attribute", "name", "phone"],
        ),
        # a state that has nothing to do with offers
        (["phone", "status"], ["+33639980001", "gold"], ["phone", "attribute"]),
        # a title that nobody knows, above numbers
        (["Rufnr. Kunde", "Ort"], ["+49 151 23456789", "Köln"], ["phone", "attribute"]),
        # our own report of rejected rows, brought again
        (
            ["phone", "name", "tambour line", "tambour reason"],
            ["+336", "Zoé", "3", "too few digits"],
            ["phone", "name", "ignore", "ignore"],
        ),
    ],
)
def test_the_files_of_others_are_understood(titles, row, roles):
    assert list(columns.guess(titles, [row]).roles) == roles


def test_in_a_list_of_stops_only_numbers_count_unless_the_business_says_more():
    guessed = columns.guess(["phone", "name", "status"], [["+33639980001", "Zoé", "enabled"]], of_stops=True)
    assert guessed.roles == ("phone", "ignore", "ignore")


def test_a_header_is_the_same_however_it_is_spelled():
    assert columns.fingerprint(["Téléphone", "Nom"]) == columns.fingerprint(["TELEPHONE ", "nom"])
    assert columns.fingerprint(["Téléphone", "Nom"]) != columns.fingerprint(["Nom", "Téléphone"])


def test_a_layout_survives_being_stored():
    layout = Layout(("phone", "ignore"), {"interaction": "purchase"})
    assert Layout.from_json(layout.as_json()) == layout
