"""What a business may not learn of one person: it tries by estimates, by launches and by subtracting, and gets nowhere.

The strongest form of "no better than guessing" is that the very same answers come whichever is true. So each attack is
made in two worlds that differ in one fact about one person, and the transcripts are compared letter by letter. Where
a number with noise is told, the best possible guess is worked out from its distribution.
"""

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from broadcasts import chunks, clock, counts, disclosure, estimate, freeze, gate, lifecycle, plan, reach, settle
from broadcasts.channels import sandbox
from broadcasts.channels.base import Message, Outcome, OutcomeKind, ReceiptStatus, ReceiptUpdate
from broadcasts.models import Broadcast, Reach
from businesses.models import Business, Event, Wallet
from consent import refusals
from consent.models import CapEntry, Contact, Recipient
from tests import make
from tests.broadcasts.test_api import Program

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P7")]
N_PEOPLE = 300
SECRETS = ("paused", "own limit", "platform cap")


def _hide(recipient_id: int, fact: str) -> None:
    """Make one thing true that the business may not know."""
    now = timezone.now()
    if fact == "paused":
        refusals.pause_all(recipient_id=recipient_id, via="page", now=now)
    elif fact == "own limit":
        refusals.set_own_limit(recipient_id=recipient_id, limit=0, via="page", now=now)
    elif fact == "platform cap":
        CapEntry.objects.bulk_create(
            CapEntry(
                recipient_id=recipient_id, broadcast_id=10**9 + n, business_id=10**9, reserved_at=now, counts_at=now
            )
            for n in range(2)
        )


def _reveal(recipient_id: int) -> None:
    Recipient.objects.filter(pk=recipient_id).update(paused_all_at=None, own_limit=None)
    CapEntry.objects.filter(recipient_id=recipient_id, business_id=10**9).delete()


@pytest.fixture
def business() -> Business:
    make.open_policy()
    business = make.make_business(money=10_000 * make.EURO)
    people = make.make_people(business=business, n=N_PEOPLE, now=timezone.now())
    for n, recipient_id in enumerate(people):
        if n % 10 == 3:
            _hide(recipient_id, SECRETS[n % 3])
    return business


def _code_of(business: Business, recipient_id: int) -> str:
    return Contact.objects.of(business).get(recipient_id=recipient_id).code


class Attacker:
    """A business's program: it asks for estimates of whatever audience it likes, and reads every number."""

    def __init__(self, business: Business, *, variables: dict[str, str] | None = None, holdout: int = 0) -> None:
        self.program = Program(business)
        version = make.make_approved_version(business=business)
        self.draft = make.make_broadcast(
            business=business,
            version=version,
            now=timezone.now(),
            variables={"discount": "20"} if variables is None else variables,
            holdout_permille=holdout,
        )

    def ask(self, audience: dict[str, Any]) -> dict[str, Any]:
        Broadcast.objects.filter(pk=self.draft.pk).update(audience=audience)
        answer = self.program.post(f"broadcasts/{self.draft.code}/estimate")
        assert answer.status_code == 201, answer.content
        told: dict[str, Any] = answer.json()
        del told["token"], told["created_at"]
        # The one refusal that depends on people: "nobody would be reached".
        agreed = estimate.quote.terms(self.draft, timezone.now())
        token = self.draft.estimates.order_by("-id")[0].token
        try:
            estimate.quote.confirmed(
                broadcast=Broadcast.objects.get(pk=self.draft.pk), token=token, agreed=agreed, now=timezone.now()
            )
        except estimate.quote.CannotQuote as refusal:
            told["refused"] = refusal.code
        return told


def _audiences(target: str, others: list[str]) -> list[dict[str, Any]]:
    """Alone; around the threshold with and without; everybody but; and what is left when others are excluded."""
    dice = random.Random(7)
    some = [dice.sample(others, size) for size in (1, 9, 98, 99, 100, 101, 150)]
    return [
        {"contacts": [target]},
        {"except_contacts": others},
        {},
        {"except_contacts": [target]},
        *({"contacts": chosen} for chosen in some),
        *({"contacts": [*chosen, target]} for chosen in some),
    ]


def test_no_estimate_depends_on_what_a_person_chose_for_all_or_got_from_others(business: Business) -> None:
    plain = Attacker(business)
    # Somebody for whom a variable is missing, and somebody in the control group, are decided after the secret.
    lacking, holding = Attacker(business, variables={}), Attacker(business, holdout=500)
    people = list(Contact.objects.of(business).order_by("pk"))
    target, others = people[0], [contact.code for contact in people[1:]]

    def everything() -> list[dict[str, Any]]:
        asked = [attacker.ask(each) for attacker in (lacking, holding) for each in ({"contacts": [target.code]}, {})]
        return asked + [plain.ask(each) for each in _audiences(target.code, others)]

    before = everything()
    for fact in SECRETS:
        _hide(target.recipient_id, fact)
        assert everything() == before
        _reveal(target.recipient_id)
    assert len({told["n_eligible"] for told in before}) > 5


def test_adding_and_taking_away_a_person_changes_the_number_of_people_and_nothing_else(business: Business) -> None:
    attacker = Attacker(business)
    codes = list(Contact.objects.of(business).order_by("pk").values_list("code", flat=True))
    hidden = set(
        Contact.objects.of(business).exclude(recipient__paused_all_at=None, recipient__own_limit=None)
        .values_list("code", flat=True)
    )  # fmt: skip
    dice, seen = random.Random(11), {}
    for _ in range(15):
        chosen = dice.sample(codes, dice.choice([100, 150]))
        told = attacker.ask({"contacts": chosen})
        told.pop("price_lines")
        # Whoever they are: the answer is the same for all audiences of this size.
        assert seen.setdefault(len(chosen), told) == told
    assert len(hidden) >= 15


def test_the_share_is_measured_once_a_day_whatever_happens_in_between(business: Business) -> None:
    now = timezone.now()
    first = reach.share(business=business, address_kinds=["e164"], now=now)
    assert first is not None
    assert 500 < first <= 1000
    make.make_people(business=business, n=50, first=5_000, now=now)
    assert reach.share(business=business, address_kinds=["e164"], now=now + timedelta(hours=23)) == first
    assert Reach.objects.get(business=business).measured_at == now
    reach.share(business=business, address_kinds=["e164"], now=now + timedelta(hours=25))
    assert Reach.objects.get(business=business).measured_at == now + timedelta(hours=25)


def test_of_fewer_than_a_hundred_no_share_is_told() -> None:
    small = make.make_business()
    make.make_people(business=small, n=99)
    assert reach.share(business=small, address_kinds=["e164"], now=make.NOW) is None


def _best_guess(samples_if_not: Counter[Any], samples_if_so: Counter[Any]) -> float:
    """Return how often somebody is right who knows both distributions and always guesses the likelier."""
    total = samples_if_not.total() + samples_if_so.total()
    return sum(max(samples_if_not[key], samples_if_so[key]) for key in samples_if_not | samples_if_so) / total


def test_who_knows_all_but_one_person_can_hardly_do_better_than_guess() -> None:
    """299 contacts are the attacker's own telephones, of which 7 are paused; is the 300th?"""
    draws = 20_000
    without, with_one = (
        Counter(reach._reachable_permille(n_hidden, N_PEOPLE) for _ in range(draws)) for n_hidden in (7, 8)
    )
    assert _best_guess(without, with_one) < 0.57
    without, with_one = (
        Counter(disclosure._with_noise(n_hidden, f"brd_{n} cap") for n in range(draws)) for n_hidden in (12, 13)
    )
    assert _best_guess(without, with_one) < 0.64


# --- Launches ----------------------------------------------------------------------------------------


class Launch:
    """A broadcast that goes its whole way, one step at a time, and everything that may be read of it after each."""

    def __init__(self, business: Business, codes: list[str], now: Any) -> None:
        self.business, self.now = business, now
        self.program = Program(business)
        version = make.make_approved_version(business=business)
        self.broadcast = make.make_broadcast(
            business=business, version=version, audience={"contacts": codes}, waits_for_cap=True, now=now
        )
        token = estimate.estimate(broadcast=self.broadcast, now=now).token
        lifecycle.launch(broadcast=self.broadcast, token=token, by=None, now=now)
        while freeze.next_slice(broadcast_id=self.broadcast.pk, now=now):
            pass
        self.messages: list[Message] = []
        self.attacker = Attacker(business)

    def hand_over(self) -> None:
        owner = uuid4()
        while claim := chunks.claim(owner=owner, busy=[], now=self.now):
            passed = gate.pass_batch(
                chunk_id=claim.chunk_id,
                owner=owner,
                plan=plan.read(self.broadcast.pk),
                recipient_ids=claim.recipient_ids,
                now=self.now,
            )
            results = [
                (m, Outcome(OutcomeKind.ACCEPTED, provider_id=sandbox.provider_id(m.code))) for m in passed.messages
            ]
            settle.outcomes(
                broadcast_id=self.broadcast.pk, sender_id=self.broadcast.sender_id, results=results, now=self.now
            )
            chunks.finish(claim=claim, owner=owner, waiting=passed.waiting, now=self.now)
            self.messages += passed.messages

    def answer(self, *, but: int) -> None:
        """Every telephone but one reports that the message arrived."""
        sender_id = self.broadcast.sender_id
        settle.fold_receipts(
            updates=[
                ReceiptUpdate(ReceiptStatus.DELIVERED, self.now, sender_id, message_code=m.code)
                for m in self.messages
                if m.recipient_id != but
            ],
            now=self.now,
        )

    def everything_told(self, client: Client) -> dict[str, Any]:
        clock.close_books(now=self.now)
        read = self.program.get(f"broadcasts/{self.broadcast.code}").json()
        page = client.get(f"/b/{self.business.code}/broadcasts/{self.broadcast.code}/").context
        wallet = Wallet.objects.get(business=self.business)
        return {
            "api": {name: read[name] for name in ("state", "funnel", "not_reached")},
            "ends": [bool(read[name]) for name in ("completed_at", "settled_at")],
            "page": (vars(page["funnel"]), page["reasons"], page["money"]),
            "wallet": (wallet.balance_micro, wallet.held_micro),
            "events": sorted(Event.objects.filter(business=self.business).values_list("kind", flat=True)),
            "after": self.attacker.ask({"contacts": self.broadcast.audience["contacts"][:1]}),
        }


def _told_of_a_launch(*, first: int, n_others: int, fact: str) -> list[dict[str, Any]]:
    """Send an offer to some people, the first of whom has ``fact`` as a secret, or else only a phone that is off."""
    now = timezone.now()
    owner = make.make_user()
    business = make.make_business(owner=owner, money=1_000 * make.EURO)
    people = make.make_people(business=business, n=n_others + 1, first=first, now=now)
    _hide(people[0], fact)
    launch = Launch(business, [_code_of(business, each) for each in people], now)
    client = make.make_client(owner)
    launch.hand_over()
    told = [launch.everything_told(client)]
    launch.answer(but=people[0])
    told.append(launch.everything_told(client))
    assert len(launch.messages) == n_others + (not fact)
    launch.now = now + timedelta(days=3)
    return [*told, launch.everything_told(client)]


@pytest.mark.parametrize("n_others", [0, 20])
def test_after_a_launch_a_person_who_was_left_out_looks_like_one_whose_phone_is_off(n_others: int) -> None:
    make.open_policy()
    phone_is_off = _told_of_a_launch(first=1, n_others=n_others, fact="")
    for n, fact in enumerate(SECRETS, start=1):
        assert _told_of_a_launch(first=1_000 * n, n_others=n_others, fact=fact) == phone_is_off
    assert [told["ends"] for told in phone_is_off] == [[True, False], [True, False], [True, True]]


def test_a_result_adds_up_and_says_the_same_each_time(business: Business) -> None:
    broadcast, _sent = make.make_sent(business=business, now=timezone.now(), variables={"discount": "20"})
    funnel = counts.funnel(broadcast)
    first = disclosure.result(broadcast=broadcast, funnel=funnel)
    assert first == disclosure.result(broadcast=broadcast, funnel=funnel)
    shown = first.funnel
    assert shown.audience == N_PEOPLE == shown.queued + shown.skipped + shown.sent + shown.failed + shown.unknown
    (line,) = first.lines
    assert (line.code, (line.n or 0) % 5) == ("not_reachable_now", 0)
    assert funnel.reasons.keys() <= {"paused_all", "cap_recipient", "cap_platform"}
    assert abs((line.n or 0) - sum(funnel.reasons.values())) <= 20
