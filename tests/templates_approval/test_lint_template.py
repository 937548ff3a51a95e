"""`python manage.py lint_template`: without a database, on whatever a file may hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from launch import ROOT

GOOD = {
    "name": "spring_sale",
    "language": "en",
    "category": "MARKETING",
    "components": [
        {"type": "BODY", "text": "Hello {{1}}, 20 percent off until Sunday.", "example": {"body_text": [["Ada"]]}}
    ],
}
BAD = {**GOOD, "components": [{"type": "BODY", "text": "{{1}}, 20 percent off until Sunday."}]}


def lint(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("lint_template", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "good.json").write_text(json.dumps(GOOD))
    (tmp_path / "inner" / "bad.json").write_text(json.dumps(BAD))
    (tmp_path / "readme.txt").write_text("no template")
    return tmp_path


def test_a_good_template_passes_whatsapps_rules_and_lacks_the_choices_here(folder: Path) -> None:
    file = str(folder / "good.json")

    assert lint(file) == (0, "")
    code, said = lint(file, "--profile", "platform", "--json")
    assert code == 1
    assert [json.loads(line)["code"] for line in said.splitlines()] == [
        "interested_missing",
        "not_interested_missing",
        "stop_missing",
    ]


def test_a_folder_is_looked_through_and_each_finding_is_a_line(folder: Path) -> None:
    code, said = lint(str(folder), "--json")

    found: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    assert code == 1
    assert {finding["file"] for finding in found} == {str(folder / "inner" / "bad.json")}
    assert {
        "code": "variable_at_edge",
        "rule": "V6",
        "severity": "error",
        "path": "components[0].text",
    }.items() <= found[0].items()
    assert set(found[0]) == {"file", "code", "rule", "severity", "path", "message", "fix"}


def test_people_read_the_place_the_fault_and_the_cure_in_their_language(folder: Path) -> None:
    _code, said = lint(str(folder), "--language", "fr")

    first, second = said.splitlines()[:2]
    assert "bad.json: components[0].text: error variable_at_edge (V6): Le texte" in first
    assert second.startswith("    ")


def test_warnings_alone_are_no_failure(tmp_path: Path) -> None:
    file = tmp_path / "hidden.json"
    file.write_text(json.dumps({**GOOD, "components": [{"type": "BODY", "text": "Look at bit.ly/a today, friends."}]}))

    code, said = lint(str(file), "--json")

    assert (code, json.loads(said)["severity"]) == (0, "warning")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 10_000_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"a": 1, "a": 2}',
        b"7",
        b"null",
        b'{"components": [[[[[[]]]]]]}',
        b'{"components": {"type": "BODY"}}',
        b'{"components": [{"type": "BODY", "text": "{% debug %}{{ request }}<script>"}]}',
        b"9" * 10_000,
    ],
    ids=range(15),
)
def test_whatever_a_file_holds_is_findings(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)

    code, said = lint(str(file), "--json")

    assert code == 1
    assert all(json.loads(line)["fix"] for line in said.splitlines())


def test_what_is_not_there_is_a_finding(tmp_path: Path) -> None:
    code, said = lint(str(tmp_path / "none.json"), "--json")

    assert (code, json.loads(said)["code"]) == (1, "not_readable")


def test_without_a_file_it_says_so() -> None:
    with pytest.raises(CommandError, match="Name a file"):
        call_command("lint_template")


def test_it_prints_the_rules() -> None:
    _code, said = lint("--rules")

    assert "| `variable_at_edge` | error | V6 | 2388299 |" in said


@pytest.mark.slow
def test_it_needs_neither_database_nor_settings(folder: Path) -> None:
    bare = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE"}
    }

    ended = subprocess.run(
        [sys.executable, "manage.py", "lint_template", str(folder)], cwd=ROOT, env=bare, capture_output=True, text=True
    )

    assert ended.returncode == 1
    assert "2 template(s), " in ended.stderr
    assert "variable_at_edge" in ended.stdout
