"""Writes workbooks by hand, with whatever a spreadsheet may put into them: numbers, dates, formulas, merged cells."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

CONTENT_TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"""
ROOT = """<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="xl/workbook.xml"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>"""
STYLES = """<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"""
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
DAY_ZERO = date(1899, 12, 30)
# Written by other programs: people.xls by xlwt 1.3, people.ods by odfpy 1.4, password.xlsx by openpyxl 3.1 and
# msoffcrypto-tool 6.1 (the password is "secret"). The same two people are in all of them.
WRITTEN = Path(__file__).parent / "payloads" / "workbooks"
MANIFEST = """<?xml version="1.0"?><manifest:manifest
 xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>
<manifest:file-entry manifest:full-path="{part}" manifest:media-type="text/xml" manifest:size="500">
<manifest:encryption-data manifest:checksum-type="SHA256" manifest:checksum="x"><manifest:algorithm
 manifest:algorithm-name="http://www.w3.org/2001/04/xmlenc#aes256-cbc" manifest:initialisation-vector="x"/>
</manifest:encryption-data></manifest:file-entry></manifest:manifest>"""


class Formula(str):
    """A cell with a formula whose result nobody has stored."""


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]], *, first_row: int = 1, merged: str = "") -> bytes:
    """An XLSX file with these sheets; None leaves a cell out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("_rels/.rels", ROOT)
        archive.writestr("xl/styles.xml", STYLES)
        names = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="s{n}"/>' for n, name in enumerate(sheets, 1))
        archive.writestr(
            "xl/workbook.xml", f'<workbook {MAIN} xmlns:r="{RELATION}"><sheets>{names}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="s{n}" Target="worksheets/s{n}.xml" Type="{RELATION}/worksheet"/>'
            for n in range(1, len(sheets) + 1)
        )
        relations = "http://schemas.openxmlformats.org/package/2006/relationships"
        styles = f'<Relationship Id="st" Target="styles.xml" Type="{RELATION}/styles"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{relations}">{targets}{styles}</Relationships>'
        )
        for n, rows in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/s{n}.xml", _sheet(rows, first_row, merged))
    return file.getvalue()


def _sheet(rows: Sequence[Sequence[Any]], first_row: int, merged: str) -> str:
    body = "".join(f'<row r="{n}">{_cells(row, n)}</row>' for n, row in enumerate(rows, first_row))
    merges = f'<mergeCells count="1"><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f"<worksheet {MAIN}><sheetData>{body}</sheetData>{merges}</worksheet>"


def _cells(row: Sequence[Any], n: int) -> str:
    return "".join(_cell(f"{chr(65 + i)}{n}", cell) for i, cell in enumerate(row) if cell is not None)


def _cell(place: str, cell: Any) -> str:
    if isinstance(cell, Formula):
        return f'<c r="{place}"><f>{escape(cell)}</f></c>'
    if isinstance(cell, date):
        return f'<c r="{place}" s="1"><v>{(cell - DAY_ZERO).days}</v></c>'
    if isinstance(cell, int | float):
        return f'<c r="{place}"><v>{cell}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(cell))}</t></is></c>'


def far_corners() -> bytes:
    """A few hundred bytes that ask for seventeen thousand million cells."""
    honest = io.BytesIO(workbook({"Sheet": [["phone"]]}))
    file = io.BytesIO()
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(file, "w") as trap:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("s1.xml"):
                cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
                content = f"<worksheet {MAIN}><sheetData>{cells}</sheetData></worksheet>".encode()
            trap.writestr(name, content)
    return file.getvalue()


def bomb() -> bytes:
    """Two gigabytes of zeros in two megabytes."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/s1.xml", "w", force_zip64=True) as sheet,
    ):
        block = bytes(1 << 24)
        for _ in range(128):
            sheet.write(block)
    return file.getvalue()


def written(name: str) -> bytes:
    """A file that another program wrote."""
    return (WRITTEN / name).read_bytes()


def old_with_password() -> bytes:
    """An XLS file with the record (FILEPASS) that says how it is encrypted, in the place of its writer's name."""
    plain = written("people.xls")
    place = plain.index(b"\x5c\x00\x70\x00")
    return plain[:place] + b"\x2f\x00\x70\x00\x01\x00\x01\x00\x01\x00" + plain[place + 10 :]


def open_document_with_password(*, part: str) -> bytes:
    """An ODS file of which one part, ``content.xml`` or (since LibreOffice 24.2) the whole package, is encrypted."""
    file = io.BytesIO()
    with zipfile.ZipFile(WRITTEN / "people.ods") as plain, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", plain.read("mimetype"))
        archive.writestr("META-INF/manifest.xml", MANIFEST.format(part=part))
        archive.writestr(part, bytes(range(256)) * 2)
    return file.getvalue()
