"""The proof for one person as a signed document: what was said, that nothing of it was changed, and nothing left out.

A business's proof opens its own links and nobody else's. Whatever lies between them belongs to others and is there as
one opaque digest a link, so that everybody can recompute that the chain is one; what comes after its last own link is
not shown at all. A person's own proof opens everything. Each opened link brings the key of that link alone: whoever
holds the document can decrypt what was sealed then, and see that it says the same.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from businesses.models import Business
from consent import dossier, sealing, signatures
from consent.models import Address, ConsentEvent, Contact, Recipient, Wording

FORMAT = "tambour-proof/1"
Document = dict[str, Any]


def of_contact(*, contact: Contact, now: datetime) -> Document:
    """Return the signed proof of one business's relation to one person."""
    about = {
        "contact": contact.code,
        "business": {"code": contact.business.code, "name": contact.business.name},
        "addresses": _addresses(contact.recipient),
    }
    return _signed(recipient=contact.recipient, of=contact.business, about=about, now=now)


def of_person(*, recipient: Recipient, now: datetime) -> Document:
    """Return the signed proof of everything that is recorded of a person, for that person alone."""
    about = {"person": recipient.code, "addresses": _addresses(recipient)}
    return _signed(recipient=recipient, of=None, about=about, now=now)


def written(document: Document) -> bytes:
    """Return the document as a file, to be read by people too."""
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _signed(*, recipient: Recipient, of: Business | None, about: dict[str, Any], now: datetime) -> Document:
    # A person who was merged into this one keeps the chain they had.
    people = Recipient.objects.filter(Q(pk=recipient.pk) | Q(merged_into=recipient)).order_by("pk")
    chains = [chain for person in people if (chain := _chain(person.pk, of))]
    return signatures.signed(
        {
            "format": FORMAT,
            "installation": settings.PUBLIC_URL,
            "made_at": sealing.moment(now),
            "about": about,
            "chains": chains,
            "wordings": _wordings(link.get("says") for chain in chains for link in chain["links"]),
        }
    )


def _addresses(recipient: Recipient) -> list[str]:
    reachable = Address.objects.filter(recipient=recipient, kind__in=[Address.Kind.E164, Address.Kind.SANDBOX])
    return list(reachable.order_by("id").values_list("value", flat=True))


def _chain(recipient_id: int, of: Business | None) -> dict[str, Any] | None:
    """The chain from the first link that may be opened to the last; None when there is none."""
    events = list(ConsentEvent.objects.filter(recipient=recipient_id).select_related("business").order_by("position"))
    own = [n for n, event in enumerate(events) if of is None or event.business_id == of.pk]
    if not own:
        return None
    shown = events[own[0] : own[-1] + 1]
    keys = dossier.keys_of(recipient_id=recipient_id)
    return {
        "follows": bytes(shown[0].previous_hash).hex(),
        "links": [_link(event, keys, is_own=of is None or event.business_id == of.pk) for event in shown],
    }


def _link(event: ConsentEvent, keys: dict[int, bytes], *, is_own: bool) -> dict[str, Any]:
    sealed, header = bytes(event.sealed), dossier.header_of(event)
    place = {"position": event.position, "hash": bytes(event.hash).hex()}
    if not is_own:
        return {**place, "content": sealing.content(header=header, sealed=sealed).hex()}
    says = dossier.open_with(keys, event)
    opened: dict[str, Any] = {
        **place,
        "business": event.business.code if event.business else None,
        "kind": event.kind,
        "at": sealing.moment(event.created_at),
        "sealed": base64.b64encode(sealed).decode(),
        "says": says,
    }
    if says is not None:
        key = sealing.link_key(key=keys[event.business_id or 0], nonce=sealed[: sealing.NONCE_BYTES])
        opened["key"] = base64.b64encode(key).decode()
    return opened


def _wordings(payloads: Iterable[Document | None]) -> list[dict[str, Any]]:
    """The words that people were shown, in full: found by their hash, so that no other text can take their place."""
    hashes = {payload["wording"]["hash"] for payload in payloads if payload and "wording" in payload}
    texts = dict(Wording.objects.filter(hash__in=hashes).values_list("hash", "text")) if hashes else {}
    return [{"hash": digest, "text": text} for digest, text in sorted(texts.items())]


# --- Checking -------------------------------------------------------------------------------------


def check(document: Any, *, trusted: set[bytes] | None = None) -> list[str]:
    """Say in words what is wrong with a proof; nothing to say means that it is genuine and whole.

    Needs no database. ``trusted`` are the public keys that may have signed it, by default those of this installation.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return [_("This is no proof of consent.")]
    findings = []
    if not signatures.is_genuine(document, trusted=trusted):
        findings.append(_("The signature is not this installation's, or the document was changed."))
    try:
        for chain in document["chains"]:
            findings += _wrong_in(chain)
        for wording in document["wordings"]:
            if sha256(wording["text"].encode()).hexdigest() != wording["hash"]:
                findings.append(_("A wording is not the one that was shown."))
    except (KeyError, TypeError, ValueError, AttributeError):
        findings.append(_("The document is not complete."))
    return findings


def _wrong_in(chain: dict[str, Any]) -> Iterator[str]:
    previous, position = bytes.fromhex(chain["follows"]), None
    for link in chain["links"]:
        place = {"n": link["position"]}
        if position is not None and link["position"] != position + 1:
            yield _("Link %(n)d: the one before it is missing.") % place
        if "content" in link:
            content = bytes.fromhex(link["content"])
        else:
            header, sealed = _header(link), base64.b64decode(link["sealed"])
            content = sealing.content(header=header, sealed=sealed)
            if not _says_what_was_sealed(link, header, sealed):
                yield _("Link %(n)d: what it says is not what was sealed then.") % place
        if sealing.chained(previous_hash=previous, content=content).hex() != link["hash"]:
            yield _("Link %(n)d: it is not chained to the one before it, or was changed.") % place
        previous, position = bytes.fromhex(link["hash"]), link["position"]


def _header(link: dict[str, Any]) -> bytes:
    return sealing.header(
        position=link["position"], business_code=link["business"], kind=link["kind"], moment=link["at"]
    )


def _says_what_was_sealed(link: dict[str, Any], header: bytes, sealed: bytes) -> bool:
    if "key" not in link:
        return link["says"] is None
    text = sealing.unseal(link_key=base64.b64decode(link["key"]), header=header, sealed=sealed)
    return text is not None and json.loads(text) == link["says"]
