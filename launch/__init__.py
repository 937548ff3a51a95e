"""Starts Tambour on a machine that has nothing but Python: `python3 -m launch`, or `make help`.

`__main__` and `bootstrap` run before any package is installed, on whatever Python is there; the rest runs
inside the environment that `bootstrap` has made.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCAL = ROOT / ".local"


class CannotStart(Exception):
    """One clear sentence for the person at the terminal, saying what to do next."""
