"""What counts as permission, by country: the same twelve histories, decided by the gate's own statement."""

import io
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.translation import override

from businesses.models import Member, User
from consent import contacts, histories
from consent.models import BasisRule, Interaction, Recipient
from tests.make import NOW, make_business, make_client, make_member

pytestmark = pytest.mark.django_db
DOC = Path(__file__).parents[2] / "docs" / "basis.md"

# Which of them may be told of an offer, in FR DE GB US CA IN ES IT BR.
COUNTRIES = ["FR", "DE", "GB", "US", "CA", "IN", "ES", "IT", "BR"]
MAY_BE_TOLD = {
    "question": "CA",
    "asked-5": "GB CA",
    "asked-7": "",
    "bought": "CA",
    "bought-opt-out": "FR DE GB CA ES BR",
    "bought-25": "FR",
    "opt-in-2": "FR DE GB US CA ES IT BR",
    "opt-in-4": "US CA",
    "clicked": "FR",
    "interested": "FR DE GB US CA IN ES IT BR",
    "visited": "",
    "stopped": "",
}


@pytest.fixture(autouse=True)
def _forgetful():
    cache.clear()


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("operator@example.org", "not a secret"))
    return client


def test_twelve_histories_have_their_verdicts_in_nine_countries():
    with override("en"):
        table = histories.table(COUNTRIES)
    found = {
        history.code: " ".join(cell.country for cell in row.cells if cell.may_be_told)
        for history, row in zip(histories.HISTORIES, table.rows, strict=True)
    }
    assert found == MAY_BE_TOLD
    assert len(table.rows) == 12


def test_every_verdict_has_a_reason_and_a_source():
    with override("en"):
        table = histories.table(histories.COUNTRIES)
    cells = {(row.title, cell.country): cell for row in table.rows for cell in row.cells}
    assert all(cell.words and 1 <= cell.source <= len(table.sources) for cell in cells.values())
    no_opt_out = cells["bought a month ago; no way to refuse was offered", "FR"]
    assert no_opt_out.words == "no way to refuse was offered"
    assert "CPCE art. L34-5 al. 4" in table.sources[no_opt_out.source - 1][0]
    assert "own products, similar to what was bought" in table.sources[no_opt_out.source - 1][1]
    assert cells["bought 25 months ago; a way to refuse was offered", "CA"].words == "too long ago (730 days count)"
    assert cells["asked a question yesterday", "FR"].words == "no rule makes this a basis"
    assert cells["agreed in writing a month ago, then wrote STOP", "US"].words == "This person stopped your offers."


def test_a_country_without_rules_has_the_strictest():
    with override("en"):
        (peru, nowhere) = (histories.table([code]) for code in ("PE", ""))
    assert [c.may_be_told for r in peru.rows for c in r.cells] == [c.may_be_told for r in nowhere.rows for c in r.cells]
    assert not any(cell.may_be_told for row in peru.rows for cell in row.cells)


def test_a_changed_rule_changes_the_table_at_once(django_assert_num_queries):
    assert histories.table(["FR"]).rows[10].cells[0].may_be_told is False
    BasisRule.objects.create(country="FR", kind=Interaction.Kind.VISIT, basis=1, valid_days=9, source="a trial")
    table = histories.table(["FR"])
    assert table.rows[10].cells[0].may_be_told is True
    assert ("a trial", []) in table.sources
    with django_assert_num_queries(1):
        histories.table(["FR"])


def test_nobody_real_is_touched_and_nothing_is_left_behind():
    """The people of the table lie in temporary tables before the real ones, and are gone with their transaction."""
    business = make_business()
    person = contacts.remember(
        business=business, address_kind="e164", value="+33639980001", country="FR", timezone="UTC", now=NOW
    ).recipient
    histories.table(["FR", "DE"])
    assert list(Recipient.objects.values_list("pk", flat=True)) == [person.pk]
    assert not Interaction.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'consent_%' AND relpersistence = 't'")
        assert cursor.fetchone() == (0,)


def test_the_document_is_what_the_command_prints():
    out = io.StringIO()
    call_command("basis_table", "--format", "markdown", stdout=out)
    assert DOC.read_text(encoding="utf-8") == out.getvalue(), (
        "run: manage.py basis_table --format markdown > docs/basis.md"
    )


def test_the_command_prints_chosen_countries():
    out = io.StringIO()
    call_command("basis_table", "--countries", "ca,*", stdout=out)
    assert (
        "asked a question yesterday\n  CA  Yes: implied consent [1]\n  *   No: no rule makes this a basis [2]"
        in out.getvalue()
    )
    with pytest.raises(CommandError, match="No rules for 'XX'"):
        call_command("basis_table", "--countries", "XX", stdout=out)


@pytest.mark.parametrize(("query", "country"), [("", "Canada"), ("?more=1", "Brésil"), ("?more=<script>", "Canada")])
def test_members_see_the_table_in_their_language(query, country):
    business = make_business()
    member = make_client(make_member(business=business, role=Member.Role.ANALYST))
    page = member.get(f"/b/{business.code}/contacts/permission/{query}", headers={"accept-language": "fr"})
    assert page.status_code == 200
    words = page.content.decode()
    assert country in words
    assert "a posé une question hier" in words
    assert '<th scope="row">' in words
    assert "<script>" not in words.split("</header>")[-1].split("<footer")[0]


def test_the_operator_sees_the_table_and_a_reviewer_without_the_right_does_not(operator):
    page = operator.get("/admin/consent/basisrule/histories/")
    assert page.status_code == 200
    assert "CASL s. 10(9)(a)" in page.content.decode()
    assert "histories/" in operator.get("/admin/consent/basisrule/").content.decode()
    reviewer = make_client(User.objects.create_user("reviewer@example.org", "not a secret", is_staff=True))
    assert reviewer.get("/admin/consent/basisrule/histories/").status_code == 403
