"""Who may come in: a member sees their businesses and nothing else; to a stranger a business does not exist."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from businesses.models import Business, Member, User
from businesses.models.account import BusinessQuerySet

RANKS = {Member.Role.ANALYST: 1, Member.Role.MARKETER: 2, Member.Role.OWNER: 3}

# What an address may carry: PostgreSQL would not even compare a text with a NUL in it.
CODE = re.compile(r"[a-z0-9_]{1,24}")

P = ParamSpec("P")
PageOfBusiness = Callable[Concatenate[HttpRequest, Business, P], HttpResponse]
Page = Callable[..., HttpResponse]


def businesses_of(user: User) -> BusinessQuerySet:
    """Return the businesses that ``user`` is a member of, live ones first, by name."""
    return Business.objects.of(user).order_by("mode", "name", "id")


def business_for(*, user: User, code: str) -> Business:
    """Return the business, or raise Http404 when ``user`` is not a member of it."""
    return member_for(user=user, code=code).business


def member_for(*, user: User, code: str) -> Member:
    """Return the user's place in the business, or raise Http404 when there is none."""
    if not CODE.fullmatch(code):
        raise Http404(_("There is no such page."))
    place = Member.objects.select_related("business__legal_entity").filter(user=user, business__code=code).first()
    if place is None:
        raise Http404(_("There is no such page."))
    return place


def may(member: Member, role: Member.Role) -> bool:
    """Say whether the member's role is ``role`` or above it: analyst < marketer < owner."""
    return RANKS[Member.Role(member.role)] >= RANKS[role]


def member_view(min_role: Member.Role = Member.Role.ANALYST) -> Callable[[PageOfBusiness[P]], Page]:
    """Wrap a page under ``/b/<code>/``: it is called with the business, if the visitor may see it.

    Nobody logged in: to the log-in page. A stranger: 404. A member whose role is too low: 403 with a sentence.
    """

    def wrap(page: PageOfBusiness[P]) -> Page:
        @wraps(page)
        def guarded(request: HttpRequest, /, code: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not isinstance(request.user, User):
                return redirect_to_login(request.get_full_path())
            member = member_for(user=request.user, code=code)
            if not may(member, min_role):
                raise PermissionDenied(_too_low(min_role))
            return page(request, member.business, *args, **kwargs)

        return guarded

    return wrap


def _too_low(role: Member.Role) -> str:
    return _("Only members with the role “%(role)s” or above may do this. Ask an owner of the business.") % {
        "role": role.label
    }
