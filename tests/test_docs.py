"""What the documentation names exists: paths, `make` targets, settings."""

import re
from pathlib import Path

import pytest

from launch import ROOT

README = ROOT / "README.md"
SETTING_READ = re.compile(r"""(?:env(?:\.\w+)?|env\.email_url)\(\s*"([A-Z][A-Z0-9_]+)\"""")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"`(?:[A-Z0-9_]+=\S+ )*make ([a-z]+)", path.read_text()))
    named |= set(re.findall(r"^(?:\$ )?make ([a-z]+)", path.read_text(), re.MULTILINE))
    assert named <= targets()


@pytest.mark.parametrize("path", [path for path in [README] if path.exists()], ids=lambda path: path.name)
def test_every_path_that_the_readme_names_exists(path: Path) -> None:
    text = path.read_text()
    named = set(re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text))
    named |= set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text))
    missing = {name for name in named if not name.startswith((".local", "/", ".venv")) and not (ROOT / name).exists()}
    assert not missing


def test_every_setting_is_explained_in_the_example() -> None:
    read = set(SETTING_READ.findall((ROOT / "config" / "settings.py").read_text()))
    explained = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(read) > 10
    assert read <= explained, "add them to .env.example, each with a line that says what it is"


def test_every_make_target_explains_itself() -> None:
    explained = set(re.findall(r"^([a-z]+):.*## .+", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert explained == targets()


def test_no_lock_names_a_registry_or_a_path_of_some_machine() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        lines = [line for line in lock.read_text().splitlines() if not re.match(r"[a-z0-9]|    --hash=", line)]
        assert not lines, f"{lock.name} holds more than pinned packages: {lines[:3]}"
