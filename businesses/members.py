"""The people of a business. Whoever joins a live business joins its test twin too, in the same role."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from businesses import audit
from businesses.models import Business, Member, User


class CannotChangeMembers(ValidationError):
    """The change would leave the business without an owner, or names somebody who is not a member."""


@transaction.atomic
def invite(*, business: Business, email: str, role: Member.Role, by: User, now: datetime) -> Member:
    """Make somebody a member by e-mail address, whether they have an account yet or not.

    Who has none gets one without a password and chooses it through “forgot your password?”, which proves that the
    address is theirs. Both cases look the same to the one who invites: nobody learns who has an account here.
    """
    validate_email(email)
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(
        email, None, locale=business.locale
    )
    for account in _both(business):
        Member.objects.get_or_create(business=account, user=user, defaults={"role": role})
    _note("member.invited", business, user, by=by, after={"role": role}, now=now)
    return Member.objects.get(business=business, user=user)


@transaction.atomic
def give_role(*, business: Business, email: str, role: Member.Role, by: User, now: datetime) -> None:
    """Change a member's role. Raises CannotChangeMembers when no owner would remain."""
    member = _locked_member(business, email)
    if role != Member.Role.OWNER:
        _must_leave_an_owner(business, member)
    Member.objects.filter(business__in=_both(business), user=member.user).update(role=role)
    _note(
        "member.role_changed", business, member.user, by=by, before={"role": member.role}, after={"role": role}, now=now
    )


@transaction.atomic
def remove(*, business: Business, email: str, by: User, now: datetime) -> None:
    """Take somebody out of the business. Raises CannotChangeMembers when no owner would remain."""
    member = _locked_member(business, email)
    _must_leave_an_owner(business, member)
    Member.objects.filter(business__in=_both(business), user=member.user).delete()
    _note("member.removed", business, member.user, by=by, before={"role": member.role}, now=now)


def _both(business: Business) -> QuerySet[Business]:
    """Return the live business and its twin, whichever of the two was asked for."""
    live_id = business.twin_of_id or business.pk
    return Business.objects.filter(Q(pk=live_id) | Q(twin_of=live_id))


def _locked_member(business: Business, email: str) -> Member:
    """Return the member, holding all of the business's members: two owners cannot remove each other at once."""
    members = Member.objects.of(business).select_for_update(of=("self",)).select_related("user").order_by("id")
    for member in members:
        if member.user.email.lower() == email.lower():
            return member
    raise CannotChangeMembers(_("Nobody with this e-mail address is a member."), code="not_a_member")


def _must_leave_an_owner(business: Business, member: Member) -> None:
    if not Member.objects.of(business).filter(role=Member.Role.OWNER).exclude(pk=member.pk).exists():
        raise CannotChangeMembers(_("A business needs an owner. Make somebody else an owner first."), code="last_owner")


def _note(
    action: str,
    business: Business,
    user: User,
    *,
    by: User,
    now: datetime,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    audit.note(
        action=action,
        object_kind="member",
        object_code=str(user.pk),
        actor=by,
        business=business,
        before=before,
        after=after,
        now=now,
    )
