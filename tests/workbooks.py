"""Writes workbooks by hand, with whatever a spreadsheet may put into them: numbers, dates, formulas, merged cells."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
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
