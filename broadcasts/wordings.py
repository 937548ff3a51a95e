"""In which words: the approved versions of a template, one a language, and the values their variables take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from broadcasts.models import Broadcast
from templates_approval import placeholders
from templates_approval.models import Template, Version


def approved(template: Template) -> list[Version]:
    """Return the newest approved version of each language of ``template``; the first is the default."""
    rows = Version.objects.filter(template=template).approved().order_by("language", "-number").distinct("language")
    home = template.business.locale
    return sorted(rows, key=lambda version: (not version.language.startswith(home), version.language))


def needed(version: Version) -> Sequence[str]:
    """Return the names of the variables that ``version`` needs values for."""
    return placeholders.variables(version.components)


def given(broadcast: Broadcast) -> dict[str, str]:
    """Return the values that are the same for everybody."""
    return {name: value for name, value in broadcast.variables.items() if isinstance(value, str) and value.strip()}


class Values:
    """Which variables each language needs from the contacts themselves: no value for everybody, no fallback."""

    def __init__(self, broadcast: Broadcast, versions: Sequence[Version]) -> None:
        same = given(broadcast)
        self._default = versions[0].language
        self._needs = {
            version.language: [
                name for name in needed(version) if not same.get(name) and not version.fallbacks.get(name)
            ]
            for version in versions
        }
        self.come_from_contacts = any(self._needs.values())

    def lack(self, language: str, name: str, attributes: Mapping[str, object]) -> bool:
        """Return whether a contact lacks one, by the rules of ``sql/freeze.sql``."""
        for candidate in (language, language.split("_")[0], self._default):
            if candidate in self._needs:
                own = {"name": name, "first_name": name.split(" ")[0]}
                return not all(attributes.get(need) or own.get(need) for need in self._needs[candidate])
        return False
