"""The health check of the containers that answer no HTTP: `python -m config.alive send desk`.

It exits with 0 when every named part has shown a sign of life within 15 seconds, else with 1 and a sentence. Each of
the containers runs it every few seconds, so it loads neither Django nor any of the floors.
"""

import sys
from pathlib import Path

from environ import Env
from redis import RedisError

from config import heartbeats

SILENT_SECONDS = 15.0


def objection(names: list[str]) -> str:
    """Return what is wrong with the first of `names` (`send`, `desk`, `clock`, `beat`) that is silent, or nothing."""
    for name in names:
        try:
            age = heartbeats.age_seconds(name)
        except RedisError as error:
            return f"Redis cannot be asked for {name}: {error}"
        if age is None or age > SILENT_SECONDS:
            return f"{name} has shown no sign of life for {SILENT_SECONDS:.0f} s."
    return ""


if __name__ == "__main__":
    Env.read_env(Path(__file__).parent.parent / ".env")
    names = sys.argv[1:]
    sys.exit((objection(names) or None) if names else "Say whom to ask for: send, desk, clock or beat.")
