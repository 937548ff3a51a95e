"""The demo's contact file: the same people for the same seed, and an import finds in it what its summary says."""

from collections import Counter
from datetime import date

import pytest
from django.core.files import File

from config.demo import people
from consent import fiction, imports
from consent.models import Address, Contact, Interaction
from tests.make import NOW, make_business

TODAY = NOW.date()


def test_the_same_seed_gives_the_same_file(tmp_path):
    people.write_contacts(tmp_path / "a.csv", seed=1, n=500, today=TODAY)
    people.write_contacts(tmp_path / "b.csv", seed=1, n=500, today=TODAY)
    people.write_contacts(tmp_path / "c.csv", seed=2, n=500, today=TODAY)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() != (tmp_path / "c.csv").read_bytes()


def test_ten_thousand_people_have_ten_thousand_fictional_numbers():
    everybody = people.people(seed=7, n=10_000)
    assert len({person.e164 for person in everybody}) == 10_000
    assert all(fiction.is_fictional(person.e164) for person in everybody)
    assert len({person.country for person in everybody}) >= 6
    assert any(not person.first_name.isascii() for person in everybody)
    assert people.people(seed=7, n=100) == everybody[:100]


def test_a_country_that_runs_out_of_numbers_leaves_room_to_others():
    everybody = people.people(seed=7, n=20_000)
    assert len({person.e164 for person in everybody}) == 20_000


@pytest.mark.django_db
def test_an_import_finds_what_the_summary_says(tmp_path, settings):
    settings.FICTION_NUMBERS_ALLOWED = True
    settings.MEDIA_ROOT = tmp_path / "media"
    business, neighbour = make_business(), make_business(name="Fleurs Petit")
    told = people.write_contacts(tmp_path / "a.csv", seed=7, n=2_000, today=TODAY)
    assert told.n_wrong == 60
    assert set(told.by_reason) == {reason for reason, _ in people.FAULTS}
    batch = _bring(business, tmp_path / "a.csv")
    assert Counter(batch.faults.values_list("reason", flat=True)) == told.by_reason
    assert (batch.n_rows, batch.n_faulty, batch.n_new) == (2_000, 60, 1_940)
    assert batch.n_without_evidence == told.by_story["none"]
    assert Interaction.objects.filter(kind=Interaction.Kind.OPT_IN).count() == (
        told.by_story["opt_in"] + told.by_story["long_ago"]
    )

    theirs = people.overlap(tmp_path / "b.csv", seed=7, n=800, of=2_000, today=TODAY)
    second = _bring(neighbour, tmp_path / "b.csv")
    assert Counter(second.faults.values_list("reason", flat=True)) == theirs.by_reason
    known_to_both = Contact.objects.of(neighbour).filter(recipient__contacts__business=business).count()
    assert 0.35 < known_to_both / 800 < 0.45
    assert Address.objects.count() == 1_940 + second.n_new - known_to_both


def test_dates_are_counted_back_from_today(tmp_path):
    people.write_contacts(tmp_path / "a.csv", seed=1, n=300, today=date(2040, 6, 1))
    with (tmp_path / "a.csv").open(encoding="utf-8", errors="replace") as file:
        text = file.read()
    assert "2040-" in text
    assert "2026-" not in text
    assert text.splitlines()[0].split(",") == list(people.COLUMNS)


def _bring(business, path):
    with path.open("rb") as file:
        batch = imports.receive(business=business, file=File(file), filename=path.name, by=None, now=NOW)
    return imports.run(batch=batch, now=NOW)
