"""Why somebody is not sent an offer: stable values, in the order in which they are decided, one sentence each."""

from django.db import models
from django.utils.translation import gettext_lazy as _

GO = 0


class Reason(models.IntegerChoices):
    """In tens, in the order of deciding: 1x–7x skip, 8x defer, 9x control group, 10x caps, 11x pause, 12x–13x end."""

    ERASED = 10, _("This person's data was erased.")
    INVALID_ADDRESS = 11, _("This person has no address that the channel can reach.")
    LINE_TYPE = 12, _("This person’s number is of a kind, such as a landline, that the sender does not reach.")
    NO_INTERACTION = 20, _("Nothing on record says that this person dealt with you.")
    NO_LEGAL_BASIS = (
        30,
        _("What this person did gives no valid basis for offers in their country."),
    )
    QUARANTINED = (
        40,
        _("The only evidence comes from an import that is under suspicion."),
    )
    AWAITING_PROBE = (
        41,
        _("The evidence is on probation: the first people of its import are told before this one."),
    )
    OPTED_OUT = 50, _("This person stopped your offers.")
    BLOCKED = 51, _("This person blocked you.")
    PAUSED_ALL = 60, _("This person paused the offers of all businesses.")
    MISSING_VARIABLE = (
        70,
        _("A variable of the template has no value for this person and no fallback."),
    )
    NOT_SENDABLE = (
        71,
        _("This person's message could not be made; the fault is noted for the operator."),
    )
    QUIET_HOURS = (
        80,
        _("It is outside the hours in which offers may reach this person."),
    )
    TIER_LIMIT = (
        81,
        _("You have reached the number of people you may write to in 24 hours."),
    )
    PACING_HOLD = 82, _("This template is new: the first reactions are awaited.")
    HOLDOUT = 90, _("This person is in the control group.")
    CAP_RECIPIENT = 100, _("This person has reached the limit they chose.")
    CAP_BUSINESS = (
        101,
        _("You have already written to this person as often as is allowed."),
    )
    CAP_PLATFORM = (
        102,
        _("This person has had as many offers as is allowed over all businesses."),
    )
    TEMPLATE_UNAVAILABLE = (
        110,
        _("The template is no longer approved in the form that was approved."),
    )
    NOT_AN_OFFER = 111, _("Broadcasts carry marketing templates only.")
    BUSINESS_SUSPENDED = 112, _("The business may not send at the moment.")
    BUDGET_EXHAUSTED = 113, _("The budget of the broadcast is used up.")
    NO_FUNDS = 114, _("The wallet does not hold enough money.")
    EXPIRED = 120, _("The offer's life ended before it could be sent.")
    CANCELLED = 121, _("The broadcast was cancelled before this person's turn.")
    REFUSED_BY_PROVIDER = 130, _("The provider refused the message.")
    NO_RECEIPT = (
        131,
        _("The provider took the message but never confirmed its delivery."),
    )
    UNCONFIRMED = (
        132,
        _("It is not known whether the provider took the message; it was not sent again."),
    )


# Facts about a person that come from other businesses or from the person alone: never shown per person to a business.
PLATFORM_FACTS = frozenset({Reason.ERASED, Reason.PAUSED_ALL, Reason.CAP_RECIPIENT, Reason.CAP_PLATFORM})
NOT_REACHABLE_NOW = "not_reachable_now"
# The business's own relation, decided before whatever it may not know: somebody has one of these in any case.
TOLD_APART = frozenset(
    {
        Reason.INVALID_ADDRESS,
        Reason.LINE_TYPE,
        Reason.NO_INTERACTION,
        Reason.NO_LEGAL_BASIS,
        Reason.QUARANTINED,
        Reason.AWAITING_PROBE,
        Reason.OPTED_OUT,
        Reason.BLOCKED,
    }
)
# Decided after a platform fact, or what waiting for a free slot may end as: their number in a result would tell who has
# a platform fact.
DECIDED_AFTER = frozenset(
    {Reason.MISSING_VARIABLE, Reason.NOT_SENDABLE, Reason.HOLDOUT, Reason.CAP_BUSINESS, Reason.EXPIRED}
)
