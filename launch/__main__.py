"""`python3 -m launch <verb>`: makes the environment when needed, then goes on inside it."""

from __future__ import annotations

import os
import sys

from launch import ROOT, CannotStart, bootstrap

INSIDE = "TAMBOUR_INSIDE"


def main() -> int:
    os.chdir(ROOT)
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


if __name__ == "__main__":
    sys.exit(main())
