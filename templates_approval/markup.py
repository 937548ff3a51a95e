"""WhatsApp's own markup as safe HTML: bold, italic, struck, code, lists, quotes; whatever anybody wrote is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from templates_approval import placeholders

BLOCK = re.compile(r"```(.+?)```", re.DOTALL)
INLINE_CODE = re.compile(r"`([^`\n]+)`")
# A mark opens after a space or a sign and before a letter, and closes the other way round, within one line.
EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])(?P<strong>[^*\n]*[^\s*])\*(?![\w*])"
    r"|(?<![\w])_(?=[^\s_])(?P<em>[^_\n]*[^\s_])_(?![\w])"
    r"|(?<![\w~])~(?=[^\s~])(?P<s>[^~\n]*[^\s~])~(?![\w~])"
)
BULLET = re.compile(r"[*-] +(?=\S)")
NUMBER = re.compile(r"(\d{1,2})\. +(?=\S)")
QUOTE = re.compile(r"> +(?=\S)")


def to_html(text: str) -> SafeString:
    """Return ``text`` as escaped HTML, its lines as a phone shows them, its unfilled variables marked.

    The only tags are the ones made here, properly nested: ``strong em s code br ul ol li blockquote mark``.
    """
    # The lines are looked at with the blocks of code taken out: a bullet inside a block is no bullet.
    pieces, end = [], 0
    for match in BLOCK.finditer(text):
        pieces += [_lines(text[end : match.start()]), f"<code>{_broken(marked(match[1]))}</code>"]
        end = match.end()
    pieces.append(_lines(text[end:]))
    return mark_safe("".join(pieces))  # noqa: S308 (every leaf went through escape)


def _lines(text: str) -> str:
    html: list[str] = []
    is_open = False
    for kind, group in groupby(text.split("\n"), key=_kind):
        if kind == "":
            html += ["<br>"] * is_open + ["<br>".join(_inline(line) for line in group)]
            is_open = True
        else:
            html.append(_group(kind, list(group)))
            is_open = False
    return "".join(html)


def _kind(line: str) -> str:
    for kind, mark in (("ul", BULLET), ("ol", NUMBER), ("blockquote", QUOTE)):
        if mark.match(line):
            return kind
    return ""


def _group(kind: str, lines: list[str]) -> str:
    if kind == "blockquote":
        said = [_inline(QUOTE.sub("", line, count=1)) for line in lines]
        return f"<blockquote>{'<br>'.join(said)}</blockquote>"
    mark = BULLET if kind == "ul" else NUMBER
    first = NUMBER.match(lines[0]) if kind == "ol" else None
    start = f' start="{int(first[1])}"' if first and first[1] != "1" else ""
    items = [_inline(mark.sub("", line, count=1)) for line in lines]
    return f"<{kind}{start}>{''.join(f'<li>{item}</li>' for item in items)}</{kind}>"


def _inline(text: str) -> str:
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    end = 0
    for match in INLINE_CODE.finditer(text):
        yield _emphasised(text[end : match.start()])
        yield f"<code>{marked(match[1])}</code>"
        end = match.end()
    yield _emphasised(text[end:])


def _emphasised(text: str) -> str:
    html: list[str] = []
    end = 0
    # Underscores of variables' names are no markup: the braces are blotted out where marks are looked for.
    for match in EMPHASIS.finditer(placeholders.TOKEN.sub(_blot, text)):
        tag = match.lastgroup or ""
        inner = text[match.start(tag) : match.end(tag)]
        html += [marked(text[end : match.start()]), f"<{tag}>", _emphasised(inner), f"</{tag}>"]
        end = match.end()
    html.append(marked(text[end:]))
    return "".join(html)


def _blot(match: re.Match[str]) -> str:
    return "." * len(match[0])


def _broken(html: str) -> str:
    return html.replace("\n", "<br>")


def marked(text: str) -> SafeString:
    """Escape ``text`` and mark the variables that nobody filled."""
    html: list[str] = []
    end = 0
    for placeholder in placeholders.find(text):
        html.append(escape(text[end : placeholder.start]))
        html.append(f'<mark class="unfilled">{escape(text[placeholder.start : placeholder.end])}</mark>')
        end = placeholder.end
    html.append(escape(text[end:]))
    return mark_safe("".join(html))  # noqa: S308 (every leaf went through escape)
