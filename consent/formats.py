"""What a file is, by its first bytes, whatever it is called."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import BinaryIO


class Format(StrEnum):
    """What can be read, and what is worth a sentence of its own."""

    TEXT = "csv"
    WORKBOOK = "workbook"
    PDF = "pdf"
    WEB_PAGE = "html"
    PICTURE = "picture"
    PACKED = "packed"


_SIGNS = (
    (b"PK\x03\x04", Format.WORKBOOK),  # XLSX, XLSB, ODS
    (b"\xd0\xcf\x11\xe0", Format.WORKBOOK),  # XLS, and XLSX with a password
    (b"%PDF", Format.PDF),
    (b"\xff\xd8\xff", Format.PICTURE),
    (b"\x89PNG", Format.PICTURE),
    (b"\x1f\x8b", Format.PACKED),
    (b"7z\xbc\xaf", Format.PACKED),
    (b"Rar!", Format.PACKED),
)
_WEB_PAGE = re.compile(rb"\s*<(?:!doctype|html|head|meta|table|\?xml|body|style|div)", re.IGNORECASE)


def format_of(file: BinaryIO) -> Format:
    """Return what ``file`` is, and leave it at its beginning."""
    file.seek(0)
    start = file.read(512)
    file.seek(0)
    found = next((format for sign, format in _SIGNS if start.startswith(sign)), None)
    if found is None and _WEB_PAGE.match(start.removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip(b"\xff\xfe")):
        return Format.WEB_PAGE
    return found or Format.TEXT
