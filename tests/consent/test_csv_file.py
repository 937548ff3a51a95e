"""The reader gives back what any CSV writer wrote, and no damage spreads beyond its own line."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent import csv_file
from consent.csv_file import BadLine, Row

# Letters that a cell may hold: all but broken ones, and those by which lines end.
LETTERS = st.characters(codec="utf-8", exclude_characters="\x00\ufffd\r\n\ufeff")
CELLS = st.text(LETTERS, max_size=12)
TABLES = st.integers(2, 6).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), max_size=12))


def read(content: bytes, n_columns: int = 2):
    """Read a file whose header is a, b, c…"""
    opened = csv_file.open_csv(io.BytesIO(content), recognise=lambda names: len(set(names) & set("abcdef")))
    return opened, list(opened.rows())


@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_was_written_is_read(table, delimiter, end, quoting, encoding):
    n = len(table[0]) if table else 2
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow("abcdef"[:n])
    writer.writerows(table)
    opened, records = read(text.getvalue().encode(encoding))
    assert opened.delimiter == delimiter
    blank = set(delimiter + " \t")
    written = [cells for cells in table if not blank.issuperset("".join(cells)) or quoting == csv.QUOTE_ALL]
    found = [record.cells for record in records if isinstance(record, Row)]
    assert not [record for record in records if isinstance(record, BadLine)]
    assert [cells for cells in found if any(map(str.strip, cells))] == [
        cells for cells in written if any(map(str.strip, cells))
    ]


@given(content=st.binary(max_size=400))
def test_no_bytes_at_all_can_break_the_reader(content):
    _, records = read(content)
    assert all(isinstance(record, Row | BadLine) for record in records)


@given(
    garbage=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n,"), max_size=30), max_size=8),
    position=st.integers(0, 8),
)
def test_the_row_after_any_garbage_is_still_read(garbage, position):
    """Lines without a separator cannot hide a whole row of three cells, whatever quotation marks they hold."""
    garbage.insert(min(position, len(garbage)), "one,two,three")
    content = "\n".join(["a,b,c", *garbage, "last,row,here"]).encode()
    _, records = read(content, 3)
    assert ["one", "two", "three"] in [record.cells for record in records if isinstance(record, Row)]
    assert ["last", "row", "here"] in [record.cells for record in records if isinstance(record, Row)]


def test_lines_are_numbered_as_an_editor_shows_them():
    _, records = read(b'a,b\n\n1,"x\ny"\n;\n2,z\n')
    assert [(record.line, record.cells) for record in records] == [(3, ["1", "x\ny"]), (5, [";"]), (6, ["2", "z"])]


def test_a_separator_may_be_announced():
    opened, records = read(b"sep=;\r\na;b\r\n1,0;2\r\n")
    assert (opened.delimiter, opened.header, records[0].cells) == (";", ["a", "b"], ["1,0", "2"])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("été,à,ça\n" * 3, "utf-8"),
        ("été,à,ça\n" * 3, "cp1252"),
        ("été,à,ça\n" * 3, "utf-16-le"),
        ("été,à,ça\n" * 3, "utf-16-be"),
        ("plain\n" * 3, "utf-8"),
        ("x" * 2_000_000 + "é", "cp1252"),
        ("x" * 2_000_000 + "é", "utf-8"),
    ],
)
def test_an_encoding_is_recognised_without_a_mark(text, encoding):
    assert csv_file.detect_encoding(io.BytesIO(text.encode(encoding))) == encoding


def test_a_quote_opened_before_a_thousand_rows_hides_none_of_them():
    rows = "".join(f"{n},x,y\n" for n in range(1000))
    _, records = read(f'a,b,c\n0,"open,y\n{rows}'.encode(), 3)
    assert [record.reason for record in records if isinstance(record, BadLine)] == ["unclosed_quote"]
    assert len(records) == 1001


def test_memory_does_not_grow_with_the_file():
    def peak(content):
        tracemalloc.start()
        opened = csv_file.open_csv(io.BytesIO(content), recognise=len)
        n = sum(1 for _ in opened.rows())
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return n, highest

    few, small = peak(b"a,b,c\n" + b"1,2,3\n" * 1_000)
    many, large = peak(b"a,b,c\n" + b"1,2,3\n" * 200_000)
    assert (few, many) == (1_000, 200_000)
    # Reading a chunk ahead costs at most a few of them, whatever the length.
    assert large < small + 4 * csv_file.SCAN_BYTES
    _, huge_line = peak(b"a,b,c\n" + b"x" * 20_000_000)
    assert huge_line < small + 4 * csv_file.SCAN_BYTES
