"""What import-linter cannot see: strings, SQL, and the one question every door has to ask."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from launch import ROOT

FLOORS = ["feedback", "broadcasts", "templates_approval", "consent", "businesses"]
# Every anchor that had one of these ended with a dump of thousands of lines.
DUMPS = {
    "utils", "helpers", "common", "core", "misc", "services", "selectors", "managers", "handlers", "processors",
    "signals",
}  # fmt: skip
# The doors of businesses and people. `admin.py` is the door of staff, who see every business.
DOORS = ("views", "api", "public")
# A row that belongs to something which was narrowed before, and is in hand, needs no `.of(…)`.
IN_HAND = {"business", "broadcast", "wallet", "contact", "template", "version", "recipient", "sender"}
# What a door may look up for everybody, and why.
FOR_EVERYBODY = {
    ("broadcasts/api/broadcasts.py", "Sender"): "the serializer narrows its choices to the key's business",
    ("broadcasts/api/broadcasts.py", "Template"): "the serializer narrows its choices to the key's business",
    ("broadcasts/api/trials.py", "Broadcast"): "the serializer narrows its choices to the key's business",
    ("broadcasts/api/trials.py", "Sender"): "the serializer narrows its choices to the key's business",
    ("broadcasts/api/trials.py", "Version"): "the serializer narrows its choices to the key's business",
    ("consent/api/contacts.py", "Address"): "fetched for contacts that were narrowed",
    ("consent/views/contacts.py", "Address"): "fetched for contacts that were narrowed",
    ("consent/views/contacts.py", "Refusal"): "narrowed by the legal entity: a stop holds for all its accounts",
    ("templates_approval/views.py", "Review"): "fetched for versions that were narrowed",
}
SQL_FILES = sorted(path for app in FLOORS for path in (ROOT / app).glob("sql/**/*.sql"))
# Views that a floor publishes for others to read in their SQL: name → owner.
PUBLISHED_VIEWS: dict[str, str] = {}


def modules(app: str) -> list[Path]:
    return sorted(path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string that is not a docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def names_of(app: str) -> re.Pattern[str]:
    """How code names a floor in a string: a module, a table, an address. A key's scope is none of them."""
    return re.compile(rf"\b{app}(\.[a-z]|_[a-z]|/[a-z]|:(?!read\b|write\b)[a-z])")


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", [*FLOORS, "config", "launch"])
def test_no_module_is_a_dump(app: str) -> None:
    assert not [short(path) for path in modules(app) if DUMPS & {path.stem, path.parent.name}]


@pytest.mark.parametrize("lower", FLOORS[1:])
def test_a_lower_floor_never_names_a_higher_one(lower: str) -> None:
    higher = [names_of(app) for app in FLOORS[: FLOORS.index(lower)]]
    found = [
        f"{short(path)}: {text[:60]!r}"
        for path in modules(lower)
        for text in strings(ast.parse(path.read_text()))
        if any(name.search(text) for name in higher)
    ]
    assert not found


# --- SQL ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SQL_FILES, ids=short)
def test_sql_names_only_its_own_tables(path: Path) -> None:
    app = path.relative_to(ROOT).parts[0]
    statement = re.sub(r"--.*", "", path.read_text())
    tables = set(re.findall(rf"\b(?:{'|'.join(FLOORS)})_[a-z_]+", statement))
    others = {table for table in tables if not table.startswith(f"{app}_") and table not in PUBLISHED_VIEWS}
    assert not others


@pytest.mark.parametrize("path", SQL_FILES, ids=short)
def test_sql_is_read_by_exactly_one_module(path: Path) -> None:
    app = path.relative_to(ROOT).parts[0]
    readers = [short(module) for floor in FLOORS for module in modules(floor) if _reads(module, path.stem)]
    assert len(readers) == 1, f"{short(path)} is read by {readers or 'nobody'}"
    assert readers[0].startswith(f"{app}/")


def _reads(module: Path, name: str) -> bool:
    text = module.read_text()
    return f'statement("{name}")' in text or f"statement('{name}')" in text or f'"{name}.sql"' in text


@pytest.mark.parametrize("path", SQL_FILES, ids=short)
def test_sql_says_first_what_it_promises(path: Path) -> None:
    assert path.read_text().startswith(f"-- {path.stem} · ")


def test_tables_are_made_by_the_floor_that_owns_them() -> None:
    """A migration's SQL may not reach into another floor's tables either."""
    found = []
    for app in FLOORS:
        others = re.compile(rf"\b(?:{'|'.join(set(FLOORS) - {app})})_[a-z]+")
        for path in sorted((ROOT / app).glob("migrations/**/*.sql")):
            found += [f"{short(path)}: {name}" for name in others.findall(re.sub(r"--.*", "", path.read_text()))]
    assert not found


# --- Doors ----------------------------------------------------------------------------------------


def doors() -> list[Path]:
    found = [path for app in [*FLOORS, "config"] for path in modules(app)]
    return [path for path in found if path.stem in DOORS or path.parent.name in DOORS]


@pytest.mark.parametrize("path", doors(), ids=short)
def test_every_door_asks_whose_rows_these_are(path: Path) -> None:
    tree = ast.parse(path.read_text())
    narrowed = {id(node.func.value) for node in ast.walk(tree) if _narrows(node)}  # type: ignore[attr-defined]
    wide = {
        (short(path), _name(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects" and id(node) not in narrowed
    }
    assert not wide - FOR_EVERYBODY.keys()


def test_the_list_of_what_is_for_everybody_is_not_longer_than_needed() -> None:
    there = {(short(path), name) for path in doors() for name in re.findall(r"(\w+)\.objects", path.read_text())}
    assert not FOR_EVERYBODY.keys() - there


def _narrows(node: ast.AST) -> bool:
    """`X.objects.of(…)`, or `X.objects.filter(business=business)`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    by = {keyword.arg for keyword in node.keywords}
    return node.func.attr == "of" or (
        node.func.attr in {"filter", "get"}
        and bool({name.removesuffix("_id").removesuffix("__in") for name in by if name} & IN_HAND)
    )


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


# --- The launcher ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py", "bootstrap.py"])
def test_the_bootstrap_is_read_by_an_old_python_too(name: str) -> None:
    """It has to run far enough to say that Python 3.11 is needed, or to find it."""
    text = (ROOT / "launch" / name).read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported <= {
        "contextlib", "fcntl", "hashlib", "os", "shutil", "subprocess", "sys",
    }  # fmt: skip
