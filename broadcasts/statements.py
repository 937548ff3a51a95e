"""Named SQL statements of the hot path, each in its own file and run by one module."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text()
