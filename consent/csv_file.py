"""Reads whatever a business calls a CSV file: any encoding, separator and line end, broken lines one by one.

Nothing here is ever larger than one record (``MAX_RECORD_LETTERS``), and no line can hide the lines after it: a
quotation mark that is never closed costs its own line and no other.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from consent.faults import Fault

MAX_LINE_LETTERS = 32_768
MAX_RECORD_LETTERS = 65_536
MAX_RECORD_LINES = 50
DELIMITERS = (",", ";", "\t", "|")
SCAN_BYTES = 1 << 20

MAX_LINES_ABOVE = 9
# What ``recognise`` gives at least to a line that names a column of numbers.
MEANS_A_HEADER = 10

Line = tuple[int, str | None]
PlainLine = tuple[int, str]


class Row(NamedTuple):
    """The cells of one record; ``line`` (from 1) is where it begins in the file."""

    line: int
    cells: list[str]


class BadLine(NamedTuple):
    """A line that is no record, and why."""

    line: int
    reason: Fault
    value: str


class CsvFile:
    """A file opened by ``open_csv``: its header, then ``rows`` once."""

    def __init__(self, text: io.TextIOWrapper, *, encoding: str) -> None:
        self.encoding = encoding
        self.delimiter = ","
        self.header: list[str] = []
        self.is_headless = False
        self._lines = _numbered_lines(text)
        self._put_back: deque[Line] = deque()

    def rows(self) -> Iterator[Row | BadLine]:
        """Yield every record after the header, in order, but no empty lines, nor lines of nothing but separators."""
        for record in self.records():
            if isinstance(record[1], str) and len(record) == 2:
                yield Row(record[0], record[1].split(self.delimiter))
            else:
                yield record

    def records(self) -> Iterator[PlainLine | Row | BadLine]:
        """Yield the same as ``rows``, but plain lines as they stand: whoever wants their cells splits them."""
        blank = self.delimiter + " \t"
        for line, text in self._upcoming():
            if text is None:
                yield BadLine(line, Fault.LINE_TOO_LONG, "")
            elif not text.strip(blank):
                continue
            elif "\x00" in text:
                yield BadLine(line, Fault.NUL_BYTE, text.replace("\x00", "␀"))
            elif "\ufffd" in text:
                yield BadLine(line, Fault.UNREADABLE_LETTERS, text)
            elif '"' in text:
                yield self._quoted(line, text)
            else:
                yield line, text

    def read_header(self, recognise: Callable[[list[str]], int], is_data: Callable[[list[str]], bool]) -> None:
        """Find the header among the first lines, with the separator that makes most sense of it.

        ``recognise`` says how many of some column names have a meaning. Titles of the whole sheet, which fill fewer
        cells, may stand above the header, and spreadsheets may put ``sep=;`` there. Where no line is a header and the
        first one ``is_data`` already, the columns are called 1, 2, 3 …
        """
        told, first = self._first_lines()
        filled = [(place, text) for place, (_, text) in enumerate(first) if text and text.strip(" \t,;|")]
        texts = [text for _, text in filled]
        if not texts:
            return
        self.delimiter = told or max(
            DELIMITERS, key=lambda d: (max(recognise(_split(text, d)) for text in texts), texts[0].count(d))
        )
        place = self._place_of_header(texts, recognise)
        top = _split(texts[place], self.delimiter)
        if recognise(top) < MEANS_A_HEADER and is_data(top):
            self._put_back.extend(first)
            self.header, self.is_headless = [str(n + 1) for n in range(len(top))], True
            return
        self._put_back.extend(first[filled[place][0] :])
        header = next(self.rows(), None)
        self.header = header.cells if isinstance(header, Row) else []

    def _first_lines(self) -> tuple[str, list[Line]]:
        told, n_filled = "", 0
        first: list[Line] = []
        for line, text in self._upcoming():
            if text is not None and text[:4].lower() == "sep=" and len(text) == 5 and not first:
                told = text[4]
                continue
            first.append((line, text))
            n_filled += bool(text and text.strip(" \t,;|"))
            if n_filled > MAX_LINES_ABOVE or (n_filled and len(first) > MAX_RECORD_LINES):
                break
        return told, first

    def _place_of_header(self, texts: list[str], recognise: Callable[[list[str]], int]) -> int:
        rows = [_split(text, self.delimiter) for text in texts]
        n_filled = [sum(map(bool, map(str.strip, row))) for row in rows]
        places = [
            i
            for i, row in enumerate(rows)
            if recognise(row) >= MEANS_A_HEADER and all(n < n_filled[i] for n in n_filled[:i])
        ]
        return places[0] if places else 0

    def _upcoming(self) -> Iterator[Line]:
        while True:
            yield from self._drain()
            line = next(self._lines, None)
            if line is None:
                return
            yield line

    def _drain(self) -> Iterator[Line]:
        while self._put_back:
            yield self._put_back.popleft()

    def _quoted(self, line: int, text: str) -> Row | BadLine:
        """Read a record with quotation marks, which may go on over the next lines; if it ends badly, put those back."""
        taken: list[Line] = []

        def pull() -> Iterator[str]:
            yield text + "\n"
            letters = len(text)
            for further in self._upcoming():
                taken.append(further)
                letters += len(further[1] or "")
                if further[1] is None or letters > MAX_RECORD_LETTERS or len(taken) >= MAX_RECORD_LINES:
                    return
                yield further[1] + "\n"

        try:
            cells = next(csv.reader(pull(), delimiter=self.delimiter, strict=True))
        except csv.Error:
            self._put_back.extendleft(reversed(taken))
            return BadLine(line, Fault.UNCLOSED_QUOTE if taken else Fault.STRAY_QUOTE, text)
        if taken and self.header and (len(cells) != len(self.header) or self._hides_rows(taken)):
            # Another stray mark, some lines on, has closed this one: what lies between are rows of their own.
            self._put_back.extendleft(reversed(taken))
            return BadLine(line, Fault.UNCLOSED_QUOTE, text)
        return self._checked(line, cells) if taken else Row(line, cells)

    def _hides_rows(self, taken: list[Line]) -> bool:
        """Say whether a line inside quotation marks is a whole row by its separators: nobody writes such an address."""
        n = len(self.header)
        return n > 2 and any(text and '"' not in text and text.count(self.delimiter) == n - 1 for _, text in taken)

    @staticmethod
    def _checked(line: int, cells: list[str]) -> Row | BadLine:
        joined = "".join(cells)
        if "\x00" in joined:
            return BadLine(line, Fault.NUL_BYTE, joined.replace("\x00", "␀"))
        if "\ufffd" in joined:
            return BadLine(line, Fault.UNREADABLE_LETTERS, joined)
        return Row(line, cells)


def open_csv(
    file: BinaryIO,
    *,
    recognise: Callable[[list[str]], int],
    is_data: Callable[[list[str]], bool] = lambda _: False,
) -> CsvFile:
    """Find out encoding and separator of ``file`` and read its header. ``file.tell()`` shows how far reading is."""
    encoding = detect_encoding(file)
    file.seek(0)
    opened = CsvFile(io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=None), encoding=encoding)
    opened.read_header(recognise, is_data)
    return opened


def detect_encoding(file: BinaryIO) -> str:
    """Return the encoding: by the byte order mark, by the zeros of UTF-16, UTF-8 where most is, else Windows-1252.

    A UTF-8 file with a few broken bytes stays UTF-8, so that only their lines are lost.
    """
    head = file.read(4096)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if len(head) > 1 and head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    n_good, n_broken = _count_utf8(head, file)
    return "utf-8" if n_broken == 0 or n_good > n_broken else "cp1252"


def _count_utf8(head: bytes, file: BinaryIO) -> tuple[int, int]:
    """Return how many letters beyond ASCII are good UTF-8, and how many places are not."""
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    n_good = n_broken = 0
    is_plain = True
    chunk = head
    while chunk:
        following = file.read(SCAN_BYTES)
        # Plain ASCII need not be decoded to be known.
        is_plain = is_plain and chunk.isascii()
        text = "" if is_plain else decode(chunk, final=not following)
        n_here = text.count("\ufffd")
        n_broken += n_here
        n_good += len(text) - len(text.encode("ascii", "ignore")) - n_here
        chunk = following
    return n_good, n_broken


def _numbered_lines(text: io.TextIOWrapper) -> Iterator[Line]:
    """Yield (number from 1, line without its end); None for a line of more than ``MAX_LINE_LETTERS``."""
    number = 0
    while piece := text.readline(MAX_LINE_LETTERS):
        number += 1
        if piece.endswith("\n"):
            yield number, piece[:-1]
        elif len(piece) < MAX_LINE_LETTERS:
            yield number, piece
        else:
            while piece and not piece.endswith("\n"):
                piece = text.readline(MAX_LINE_LETTERS)
            yield number, None


def _split(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text.replace("\x00", "")], delimiter=delimiter), [])


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
