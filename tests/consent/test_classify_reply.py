"""Anybody's corpus can be judged: one verdict a line, in order, without a database."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def judge(tmp_path):
    def judge(content, *options):
        file, out, err = tmp_path / "replies.jsonl", io.StringIO(), io.StringIO()
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        fault = None
        try:
            call_command("classify_reply", str(file), *options, stdout=out, stderr=err)
        except CommandError as failed:
            fault = str(failed)
        return [json.loads(line)["verdict"] for line in out.getvalue().splitlines()], err.getvalue(), fault

    return judge


def test_each_line_has_its_verdict_in_order(judge):
    lines = [("stop svp", "fr"), ("START", "en"), ("aide", "fr"), ("arrêt de bus", "fr")]
    verdicts, said, fault = judge("\n".join(json.dumps({"text": t, "locale": c}) for t, c in lines))
    assert (verdicts, said, fault) == (["stop", "resume", "help", "none"], "", None)


def test_a_bad_line_is_named_and_the_others_are_judged(judge):
    content = (
        b'\xef\xbb\xbf{"text": "stop"}\nnot json\n\n{"text": 7}\n{"text": "stop", "locale": 3}\n[]\n\xff\xfe\n'
        b'{"text": "help", "locale": null}\n'
    )
    verdicts, said, fault = judge(content)
    assert verdicts == ["stop", "help"]
    assert [line.split(":")[0] for line in said.splitlines()] == ["line 2", "line 4", "line 5", "line 6", "line 7"]
    assert 'needs a "text"' in said
    assert fault == "5 of the lines could not be judged"


def test_hostile_lines_end_nothing(judge):
    verdicts, said, fault = judge(b"[" * 50_000 + b'\n{"text": "' + b"a" * 200_000 + b'"}\n{"text": "stop"}\n')
    assert verdicts == ["stop"]
    assert "line 1: not JSON" in said
    assert "line 2: longer than 100000 bytes" in said
    assert fault


def test_an_expected_verdict_is_compared(judge):
    content = "\n".join(
        json.dumps(reply)
        for reply in [
            {"text": "stop", "expected": "stop"},
            {"text": "bus stop", "expected": "stop"},
            {"text": "end", "expected": "none"},
            {"text": "bonjour", "expected": "none"},
        ]
    )
    verdicts, said, fault = judge(content, "--score")
    assert verdicts == ["stop", "none", "stop", "none"]
    assert "line 2: expected stop, is none: 'bus stop'" in said
    assert "4 replies: 1 of 2 stops found (50.0 %), 1 false stops among 2 others, 2 of all" in said
    assert fault is None
    assert judge('{"text": "stop", "expected": "halt"}', "--score")[1:] == (
        'line 1: "expected" is one of stop, resume, help, none\n0 replies: 0 of 0 stops found, 0 false stops among 0'
        " others, 0 of all understood as expected\n",
        "1 of the lines could not be judged",
    )
    assert 'line 1: nothing "expected"' in judge('{"text": "stop"}', "--score")[1]


def test_a_file_that_is_not_there_is_said(judge):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("classify_reply", "/nowhere.jsonl")


def test_neither_database_nor_redis_nor_settings_are_needed():
    program = subprocess.run(
        [sys.executable, "manage.py", "classify_reply", "-"],
        input='{"text": "STOP", "locale": "en"}\nnope\n',
        env={"PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert program.stdout == '{"verdict": "stop"}\n'
    assert "line 2: not JSON" in program.stderr
    assert program.returncode == 1
