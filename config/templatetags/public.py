"""The seal of one form on the recipient's page: for this link and this action only."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def seal(context: Mapping[str, Any], action: str) -> str:
    return str(context["seals"][str(action)])
