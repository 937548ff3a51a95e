"""Our approved version as WhatsApp takes it: once to be reviewed there, then filled for each person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from broadcasts.channels.whatsapp import account
from broadcasts.models import ProviderTemplate, Sender, SenderMedia
from templates_approval import components as reading
from templates_approval import offer, placeholders, render
from templates_approval.models import Version

# Switched on by default at Meta; with them what is delivered differs from what was approved.
CREATIVE_FEATURES = (
    "image_brightness_and_contrast",
    "image_touchups",
    "add_text_overlay",
    "image_animation",
    "image_background_gen",
    "auto_promotion_tag",
    "text_extraction_for_headline",
    "text_extraction_for_tap_target",
    "product_extensions",
    "text_formatting_optimization",
)
# {"IMAGE": "image", …}; a GIF travels as a film.
MEDIA_KINDS = {"IMAGE": "image", "VIDEO": "video", "GIF": "video", "DOCUMENT": "document"}
NAME_LETTERS = 512
# Between a quick reply's meaning and the delivery it belongs to; between a delivery and the file that it was sent with.
BOUND = "|"
WEB_ADDRESS = re.compile(r"https?://[^\s]+\Z")


# --- For the provider's review ------------------------------------------------------------------


def name_of(version: Version) -> str:
    """Return the version's name at the provider: each version is a template of its own there, and never changes."""
    own = "_" + version.code.removeprefix("ver_")
    return version.template.name[: NAME_LETTERS - len(own)] + own


def for_review(version: Version, *, header_handle: str = "") -> dict[str, Any]:
    """Return the body of ``POST /{account}/message_templates``: the very components, and no creative liberties."""
    components = deepcopy(version.components)
    for component in components:
        kind = str(component.get("type", "")).upper()
        if kind == reading.HEADER and header_handle:
            component["example"] = {"header_handle": [header_handle]}
        if kind == reading.BUTTONS:
            _give_example_of_own_page(component["buttons"])
    return {
        "name": name_of(version),
        "language": version.language,
        "category": version.template.category.upper(),
        "parameter_format": "NAMED" if _is_named(version) else "POSITIONAL",
        "components": components,
        "degrees_of_freedom_spec": {
            "creative_features_spec": {name: {"enroll_status": "OPT_OUT"} for name in CREATIVE_FEATURES}
        },
    }


def _give_example_of_own_page(buttons: list[dict[str, Any]]) -> None:
    """Meta wants an example of every variable, and authors cannot know one of this."""
    for button in buttons:
        url = button.get("url", "")
        if placeholders.is_own_page(url) and not button.get("example"):
            button["example"] = [placeholders.TOKEN.sub(placeholders.DEFAULTS[placeholders.OWN_PAGE], url)]


def _is_named(version: Version) -> bool:
    message = reading.read(version.components)
    return any(place.is_named for _name, part in message.texts for place in placeholders.find(part.text))


def obstacle(version: Version) -> str:
    """Return a code for what this channel cannot carry yet, or ''."""
    message = reading.read(version.components)
    header = message.header
    if message.cards or message.deadline is not None:
        return "format"
    if header is not None and header.format == "LOCATION":
        return "location_header"
    if header is not None and header.format in MEDIA_KINDS and not WEB_ADDRESS.match(header.sample):
        return "media_without_address"
    return ""


def media_address(version: Version) -> str:
    """Return where the header's picture, film or document lies, or '' when there is none."""
    header = reading.read(version.components).header
    return header.sample if header is not None and header.format in MEDIA_KINDS else ""


def hash_of(address: str) -> bytes:
    return hashlib.sha256(address.encode()).digest()


# --- For people ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class TemplateWording:
    """A version read once: which parameters go where, and how their values are spelt."""

    name: str
    language: str
    fallbacks: Mapping[str, object]
    header: Mapping[str, Any] | None
    header_names: tuple[tuple[str, str], ...]
    body_names: tuple[tuple[str, str], ...]
    is_named: bool
    buttons: tuple[reading.Button, ...]

    def content(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Return the ``template`` object of ``POST /{number}/messages``, quick replies not yet bound to a delivery."""
        return {
            "name": self.name,
            "language": {"code": self.language},
            "components": [*self._header(values), *self._body(values), *self._buttons(values)],
        }

    def _header(self, values: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        if self.header is not None:
            yield {"type": "header", "parameters": [self.header]}
        elif self.header_names:
            yield {"type": "header", "parameters": self._texts(self.header_names, values)}

    def _body(self, values: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        if self.body_names:
            yield {"type": "body", "parameters": self._texts(self.body_names, values)}

    def _texts(self, names: tuple[tuple[str, str], ...], values: Mapping[str, object]) -> list[dict[str, str]]:
        given = [(name, self._value(key, values)) for name, key in names]
        if self.is_named:
            return [{"type": "text", "parameter_name": name, "text": value} for name, value in given]
        return [{"type": "text", "text": value} for _name, value in given]

    def _buttons(self, values: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        for index, button in enumerate(self.buttons):
            match button.kind:
                case reading.QUICK_REPLY:
                    payload = offer.reaction(button.text) or f"reply_{index}"
                    yield _button("quick_reply", index, {"type": "payload", "payload": payload})
                case reading.URL if places := placeholders.find(button.url):
                    value = self._value(placeholders.button_key(index, button.url, places[0].name), values)
                    yield _button("url", index, {"type": "text", "text": quote(value, safe="")})
                case reading.COPY_CODE:
                    code = self._value(placeholders.COUPON, values)
                    yield _button("copy_code", index, {"type": "coupon_code", "coupon_code": code})

    def _value(self, key: str, values: Mapping[str, object]) -> str:
        value = render.clean(values.get(key)) or render.clean(self.fallbacks.get(key))
        return value or placeholders.DEFAULTS.get(key, "")


def _button(kind: str, index: int, parameter: dict[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": kind, "index": str(index), "parameters": [parameter]}


def of_code(sender: Sender, *, code: str, language: str) -> dict[str, Any] | None:
    """Return the ``template`` object that carries ``code``, or None when the sender has no template for codes.

    An authentication template has fixed words and one button; both take the code.
    """
    kept = account.code_template(sender)
    if not kept:
        return None
    languages = [str(one) for one in kept["languages"]]
    spoken = [one for one in languages if one.partition("_")[0] == language.partition("-")[0].partition("_")[0]]
    said = {"type": "text", "text": code}
    return {
        "name": str(kept["name"]),
        "language": {"code": (spoken or languages)[0]},
        "components": [{"type": "body", "parameters": [said]}, _button("url", 0, said)],
    }


def of_version(sender: Sender, version: Version) -> TemplateWording:
    """Read ``version`` for ``sender``. Never fails: what may not be sent is refused before (``approvals``)."""
    message = reading.read(version.components)
    known = ProviderTemplate.objects.filter(account=account.account_id(sender), version=version)
    return TemplateWording(
        name=known.values_list("name", flat=True).first() or name_of(version),
        language=version.language,
        fallbacks=version.fallbacks,
        header=_media(sender, message, version),
        header_names=_names("header", message.header),
        body_names=_names("body", message.body),
        is_named=_is_named(version),
        buttons=message.buttons,
    )


def _media(sender: Sender, message: reading.Message, version: Version) -> dict[str, Any] | None:
    address = media_address(version)
    if not address or message.header is None:
        return None
    kept = SenderMedia.objects.filter(sender=sender, source_hash=hash_of(address))
    kind = MEDIA_KINDS[message.header.format]
    file = {"id": kept.values_list("media_id", flat=True).first() or ""}
    # Without a name a phone shows “Untitled”.
    if kind == "document" and (name := _file_name(address)):
        file["filename"] = name
    return {"type": kind, kind: file}


def file_of(content: Mapping[str, Any]) -> str:
    """Return the id of the upload that is the header of ``content``, or '' when its header is none."""
    for part in content.get("components", ()):
        if part["type"] == "header":
            for parameter in part["parameters"]:
                file = parameter.get(parameter["type"])
                return str(file.get("id", "")) if isinstance(file, dict) else ""
    return ""


def _file_name(address: str) -> str:
    return unquote(urlsplit(address).path).rpartition("/")[2][:120]


def _names(part: str, text: reading.Text | None) -> tuple[tuple[str, str], ...]:
    """Return (name inside the braces, key of the value), each once; numbers in their order."""
    names = list(dict.fromkeys(place.name for place in placeholders.find(text.text))) if text else []
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    return tuple((name, placeholders.key(part, name)) for name in names)


def told_back(content: Mapping[str, Any], code: str) -> str:
    """Return what comes back with every status of a message: its code, and the upload that it was sent with."""
    file = file_of(content)
    return f"{code}{BOUND}{file}" if file else code


def bound(content: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Return ``content`` with ``code`` in the payload of each quick reply: a press says which message it answers."""
    components = [
        _button("quick_reply", int(part["index"]), {"type": "payload", "payload": f"{payload}{BOUND}{code}"})
        if part.get("sub_type") == "quick_reply" and (payload := part["parameters"][0]["payload"])
        else part
        for part in content["components"]
    ]
    return {**content, "components": components}
