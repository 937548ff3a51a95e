"""A proof in the words of whoever reads it: the lines of the printable page, made from the signed document alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent import links
from consent.models import Interaction
from consent.proof import Document

Words = str | Promise

TITLES: dict[str, Words] = {
    "interaction": gettext_lazy("Dealt with the business"),
    "withdrawn": gettext_lazy("Evidence taken back"),
    "stopped": gettext_lazy("Stopped the offers"),
    "resumed": gettext_lazy("Resumed the offers"),
    "blocked": gettext_lazy("Blocked the business"),
    "unblocked": gettext_lazy("Unblocked the business"),
    "paused_all": gettext_lazy("Paused the offers of all businesses"),
    "unpaused_all": gettext_lazy("Resumed the offers of all businesses"),
    "not_interested": gettext_lazy("Not interested"),
    "own_limit": gettext_lazy("Chose an own limit"),
    links.ERASED: gettext_lazy("Erased"),
}
DOORS: dict[str, Words] = {
    "keyword": gettext_lazy("a word in a message"),
    "button": gettext_lazy("a button of the message"),
    "page": gettext_lazy("the person's own page"),
    "join": gettext_lazy("the page for joining"),
    "phone": gettext_lazy("a call"),
    "provider": gettext_lazy("the messaging service"),
    "api": gettext_lazy("a program of the business"),
    "import": gettext_lazy("a file of the business"),
    "undo": gettext_lazy("an import that was undone"),
    "operator": gettext_lazy("whoever runs this installation"),
}
ACTORS: dict[str, Words] = {
    "person": gettext_lazy("the person"),
    "business": gettext_lazy("the business"),
    "operator": gettext_lazy("the operator"),
    "platform": gettext_lazy("the platform"),
}
PROVENANCES: dict[str, Words] = {
    "observed": gettext_lazy("seen by the platform itself"),
    "attested": gettext_lazy("attested by the business"),
}
DEALINGS: dict[str, Words] = {kind.name.lower(): kind.label for kind in Interaction.Kind}


@dataclass(kw_only=True)
class Row:
    """One line: a link that may be read, or how many of others lie between two."""

    position: int
    title: Words = ""
    business: str = ""
    at: datetime | None = None
    is_erased: bool = False
    dealings: list[dict[str, Any]] = field(default_factory=list)
    facts: list[tuple[Words, Words]] = field(default_factory=list)
    wording: dict[str, Any] | None = None
    n_of_others: int = 0

    @property
    def places(self) -> str:
        last = self.position + self.n_of_others - 1
        return str(self.position) if last == self.position else f"{self.position}–{last}"


@dataclass(kw_only=True)
class Page:
    """A proof, laid out to be read and printed."""

    addresses: list[str]
    business: dict[str, str] | None
    made_at: datetime
    rows: list[Row]
    texts: list[dict[str, str]]
    last_hash: str
    key_id: str
    signature: str


def laid_out(document: Document) -> Page:
    """Return what the page shows of a proof."""
    told = [link for chain in document["chains"] for link in chain["links"]]
    return Page(
        addresses=document["about"]["addresses"],
        business=document["about"].get("business"),
        made_at=_moment(document["made_at"]),
        rows=_rows(told),
        texts=_texts(document["wordings"], told),
        last_hash=told[-1]["hash"] if told else "",
        key_id=document["key_id"],
        signature=document["signature"],
    )


def _rows(told: list[dict[str, Any]]) -> list[Row]:
    rows: list[Row] = []
    for link in told:
        if "content" not in link:
            rows.append(_row(link))
        elif rows and rows[-1].n_of_others:
            rows[-1].n_of_others += 1
        else:
            rows.append(Row(position=link["position"], n_of_others=1))
    return rows


def _row(link: dict[str, Any]) -> Row:
    says = link["says"] or {}
    return Row(
        position=link["position"],
        title=TITLES.get(link["kind"], link["kind"]),
        business=link["business"] or "",
        at=_moment(link["at"]),
        is_erased=link["says"] is None and link["kind"] != links.ERASED,
        dealings=[_dealing(dealing) for dealing in says.get("interactions", [])],
        facts=_facts(says),
        wording=says.get("wording"),
    )


def _dealing(dealing: dict[str, Any]) -> dict[str, Any]:
    kind = dealing.get("kind", "")
    return {
        "kind": DEALINGS.get(kind, kind),
        "at": datetime.fromisoformat(dealing["occurred_at"]),
        "evidence": dealing.get("evidence", ""),
        "opt_out_offered": dealing.get("opt_out_offered", False),
    }


def _facts(says: dict[str, Any]) -> list[tuple[Words, Words]]:
    known: list[tuple[Words, Words | None]] = [
        (_("Through"), _word(DOORS, says.get("via"))),
        (_("By"), _word(ACTORS, says.get("actor"))),
        (_("Known because"), _word(PROVENANCES, says.get("provenance"))),
        (_("Evidence"), says.get("evidence")),
        (_("File"), says.get("batch")),
        (_("Language"), says.get("locale")),
    ]
    if "after" in says:
        limit = says["after"]
        known.append((_("Offers per 7 days"), _("as the rules say") if limit is None else str(limit)))
    return [(label, value) for label, value in known if value]


def _word(words: dict[str, Words], said: str | None) -> Words | None:
    return words.get(said.partition(":")[0], said) if said else None


def _texts(wordings: list[dict[str, str]], told: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Each wording in full, under the name by which the lines refer to it."""
    names = {
        says["wording"]["hash"]: says["wording"] for link in told if (says := link.get("says")) and "wording" in says
    }
    return [{**names[wording["hash"]], "text": wording["text"]} for wording in wordings]


def _moment(spelt: str) -> datetime:
    return datetime.fromisoformat(spelt).replace(tzinfo=UTC)
