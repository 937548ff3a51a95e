"""`python3 -m launch <verb>`: makes the environment when needed, then goes on inside it."""

from __future__ import annotations

import os
import sys

from launch import LOCAL, ROOT, CannotStart, bootstrap

INSIDE = "TAMBOUR_INSIDE"


def main() -> int:
    os.chdir(ROOT)
    _let_compiled_modules_be_kept()
    try:
        if os.environ.pop(INSIDE, "") != str(bootstrap.PYTHON):
            if not bootstrap.ready():
                bootstrap.install()
            os.environ[INSIDE] = str(bootstrap.PYTHON)
            os.execv(str(bootstrap.PYTHON), [str(bootstrap.PYTHON), "-m", "launch", *sys.argv[1:]])
        from launch import verbs

        return verbs.run(sys.argv[1:])
    except CannotStart as trouble:
        print("\ntambour: %s" % trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _let_compiled_modules_be_kept() -> None:
    """One verb starts dozens of processes; without kept ones each would compile two thousand modules anew.

    Who forbids Python to write beside its sources, as build servers do, gets them under `.local/`.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(LOCAL / "pycache"))


if __name__ == "__main__":
    sys.exit(main())
