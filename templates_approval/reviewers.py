"""Who may decide: staff in the group of reviewers, and never about a company they belong to."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from businesses import audit
from businesses.models import Business, Member, User
from templates_approval.models import Review, Template, Version

GROUP = "reviewers"
DECIDE = "templates_approval.add_review"


def may_decide(user: User) -> bool:
    """Say whether ``user`` has the office of a reviewer at all."""
    return user.is_active and user.is_staff and user.has_perm(DECIDE)


def belongs_to(user: User, business: Business) -> bool:
    """Say whether ``user`` is a member of ``business`` or of another account of the same company."""
    return Member.objects.filter(user=user, business__legal_entity=business.legal_entity_id).exists()


@transaction.atomic
def appoint(*, user: User, now: datetime, by: User | None = None) -> User:
    """Make ``user`` a reviewer: staff, and in the group that may see the desk and decide."""
    group, _is_new = Group.objects.get_or_create(name=GROUP)
    group.permissions.add(*_permissions())
    user.groups.add(group)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    audit.note(action="reviewer.appointed", object_kind="user", object_code=str(user.pk), actor=by, now=now)
    return User.objects.get(pk=user.pk)


def _permissions() -> list[Permission]:
    wanted = {Version: "view_version", Template: "view_template", Review: "view_review"}
    codenames = [*wanted.values(), DECIDE.partition(".")[2]]
    types = ContentType.objects.get_for_models(*wanted).values()
    return list(Permission.objects.filter(content_type__in=types, codename__in=codenames))
