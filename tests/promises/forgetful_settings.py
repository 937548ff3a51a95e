"""The product's own settings, and one more channel (``forgetful.py``), for worker processes of tests."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "tests.promises.forgetful.ForgetfulConfig"]
