"""The way from sign-up to the first broadcast: which steps a business has taken, read from what is really there."""

from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Subquery
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from broadcasts.models import Broadcast, Sender
from businesses.models import Business, Wallet
from consent.models import Contact
from templates_approval.models import Version


@dataclass(frozen=True)
class Step:
    """``is_waiting``: the business has done its part, somebody else has not yet."""

    title: str | Promise
    words: str | Promise
    action: str | Promise
    url: str
    is_done: bool
    is_waiting: bool = False
    is_next: bool = False


def steps(business: Business) -> list[Step]:
    """Return the six steps in order; the first that is open and in the business's own hands is the next one."""
    found = _found(business)
    taken = [_verification(business), *_preparations(business, found), _first_broadcast(business, found)]
    following = next((step for step in taken if not step.is_done and not step.is_waiting), None)
    return [Step(**{**vars(step), "is_next": step is following}) for step in taken]


def _found(business: Business) -> dict[str, object]:
    """Ask one question of the database for all of the steps."""
    mine = {"business": OuterRef("pk")}
    versions = Version.objects.filter(template__business=OuterRef("pk"))
    available = Wallet.objects.filter(**mine).values(available=F("balance_micro") - F("held_micro"))
    found = Business.objects.filter(pk=business.pk).values(
        has_sender=Exists(Sender.objects.filter(**mine, is_active=True)),
        has_contacts=Exists(Contact.objects.filter(**mine)),
        has_approved=Exists(versions.filter(state=Version.State.APPROVED)),
        has_submitted=Exists(versions.filter(state=Version.State.SUBMITTED)),
        available_micro=Subquery(available),
        has_launched=Exists(Broadcast.objects.filter(**mine, launched_at__isnull=False)),
    )
    return dict(found[0])


def _verification(business: Business) -> Step:
    is_pending = business.state == Business.State.PENDING
    return Step(
        title=_("Business verified"),
        words=_("The operator checks who you are. Until then you can prepare everything, and send in test mode.")
        if is_pending
        else _("The operator has seen who you are: your offers may leave."),
        action=_("See the test account"),
        url=reverse("front"),
        is_done=business.state == Business.State.VERIFIED,
        is_waiting=is_pending,
    )


def _preparations(business: Business, found: dict[str, object]) -> list[Step]:
    return [
        Step(
            title=_("A sender"),
            words=_("The voice people hear you with. A sandbox phone is ready at once."),
            action=_("Connect a sender"),
            url=reverse("senders", args=[business.code]),
            is_done=bool(found["has_sender"]),
        ),
        Step(
            title=_("Contacts with their evidence"),
            words=_("People who bought from you, asked you something or signed up, and when."),
            action=_("Import contacts"),
            url=reverse("contacts-import", args=[business.code]),
            is_done=bool(found["has_contacts"]),
        ),
        Step(
            title=_("An approved template"),
            words=_("A reviewer is reading your template. You can go on with the other steps.")
            if found["has_submitted"] and not found["has_approved"]
            else _("What you say is read by a reviewer once, and sent exactly as approved."),
            action=_("Write a template"),
            url=reverse("templates", args=[business.code]),
            is_done=bool(found["has_approved"]),
            is_waiting=bool(found["has_submitted"]) and not found["has_approved"],
        ),
        Step(
            title=_("Money in the wallet"),
            words=_("You pay for what is delivered; what is not comes back."),
            action=_("Open the wallet"),
            url=reverse("wallet", args=[business.code]),
            is_done=bool(found["available_micro"]),
        ),
    ]


def _first_broadcast(business: Business, found: dict[str, object]) -> Step:
    return Step(
        title=_("The first broadcast"),
        words=_("You see who will get it, who will not and why, and what it costs, before anything leaves."),
        action=_("Compose a broadcast"),
        url=reverse("broadcast-new", args=[business.code]),
        is_done=bool(found["has_launched"]),
    )
