"""Makes `.venv` from the hashed lock, with uv, which pip fetches when it is missing. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

from launch import LOCAL, ROOT, VENV, CannotStart

LOCK = ROOT / "requirements" / "dev.lock"
INSTALLER_LOCK = ROOT / "requirements" / "installer.lock"
PYTHON = VENV / "bin" / "python"
# Written last, so that an interrupted installation is seen as none.
STAMP = VENV / "installed-lock"
UV_HOME = LOCAL / "uv"
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", "python3.14", "/usr/bin/python3")


def ready() -> bool:
    """Say whether `.venv` works and holds exactly what the lock says."""
    return _stamp() == _wanted() and _runs(PYTHON)


def install() -> None:
    """Make `.venv` hold exactly what the lock says. Several callers at once take turns."""
    with _one_at_a_time():
        if ready():
            return
        python = _find_python()
        uv = find_uv(python)
        if not _stamp() or not _runs(PYTHON):
            _make_environment(python)
        STAMP.unlink(missing_ok=True)
        _say("Installing the packages of %s" % LOCK.relative_to(ROOT))
        arguments = [*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON), str(LOCK)]
        if subprocess.run(arguments, env=for_uv(), cwd=ROOT).returncode:
            raise CannotStart(
                "The packages could not be installed (see above). Check that this machine reaches its Python "
                "package index (UV_DEFAULT_INDEX names another one) and has 1 GB free, then run the same command again."
            )
        STAMP.write_text(_wanted())


def _wanted() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _stamp() -> str:
    try:
        return STAMP.read_text().strip()
    except OSError:
        return ""


def _runs(python: Path | str, code: str = "") -> bool:
    """Run it rather than look at it: a shim may be there and still know no Python."""
    try:
        done = subprocess.run(
            [str(python), "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _find_python() -> str:
    recent = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
    for candidate in (sys.executable, *CANDIDATES):
        if candidate and _runs(candidate, recent):
            return candidate
    raise CannotStart(
        "Tambour needs Python 3.11 or newer, and none of %s is one: install it (Debian: apt install python3 "
        "python3-venv), or say where it is with PYTHON=/path/to/python3 make …" % ", ".join(CANDIDATES)
    )


def _make_environment(python: str) -> None:
    if VENV.exists() or VENV.is_symlink():
        _say("Redoing .venv, which was not finished")
        _remove(VENV)
    done = subprocess.run([python, "-m", "venv", "--without-pip", str(VENV)], capture_output=True, text=True)
    if done.returncode:
        raise CannotStart(
            "%s could not make a virtual environment (%s): install the venv module (Debian: apt install "
            "python3-venv) and run again." % (python, _last_line(done.stderr + done.stdout))
        )


def find_uv(python: str) -> list[str]:
    """The command that runs uv: the one on PATH, the one fetched before, or a fresh one by pip."""
    on_path = shutil.which("uv")
    if on_path and subprocess.run([on_path, "--version"], capture_output=True).returncode == 0:
        return [on_path]
    fetched = [str(UV_HOME / "bin" / "uv")]
    if (UV_HOME / "complete").exists() and os.access(fetched[0], os.X_OK):
        return fetched
    _say("Fetching uv, which installs packages")
    _remove(UV_HOME)
    arguments = ["install", "--quiet", "--disable-pip-version-check", "--target", str(UV_HOME)]
    arguments += ["--require-hashes", "--no-deps", "-r", str(INSTALLER_LOCK)]
    done = subprocess.run([*_pip(python), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise CannotStart(
            "pip could not fetch uv (%s): check that this machine reaches its Python package index, or install "
            "uv yourself, and run again." % _last_line(done.stderr)
        )
    (UV_HOME / "complete").touch()
    return fetched


def _pip(python: str) -> list[str]:
    if _runs(python, "import pip"):
        return [python, "-m", "pip"]
    scratch = LOCAL / "pip"
    _remove(scratch)
    if subprocess.run([python, "-m", "venv", str(scratch)], capture_output=True).returncode == 0:
        return [str(scratch / "bin" / "python"), "-m", "pip"]
    raise CannotStart(
        "%s has neither pip nor a complete venv module, and uv is not installed: install one of them "
        "(Debian: apt install python3-venv) and run again." % python
    )


def for_uv() -> dict[str, str]:
    """uv does not read pip's settings: pass on a mirror that the person has chosen for pip."""
    environment = dict(os.environ)
    mirror = environment.get("PIP_INDEX_URL")
    if mirror:
        environment.setdefault("UV_DEFAULT_INDEX", mirror)
    environment.setdefault("UV_LINK_MODE", "copy")
    environment.pop("VIRTUAL_ENV", None)
    return environment


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    try:
        LOCAL.mkdir(exist_ok=True)
        with open(LOCAL / "install.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise CannotStart(
            "%s belongs to somebody else: run as the user who made it, or delete .local and .venv." % error.filename
        ) from error


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"


def _say(text: str) -> None:
    print("· " + text, flush=True)
