"""The settings of a server that also speaks the language of `tests.pseudo`: all that a new language needs."""

import os
from pathlib import Path

from tests.settings import *  # noqa: F403 -- that is what these are
from tests.settings import LANGUAGES, LOCALE_PATHS

LANGUAGES = [*LANGUAGES, ("en-xa", "⟦Ẋ⟧")]
LOCALE_PATHS = [*LOCALE_PATHS, Path(os.environ["PSEUDO_LOCALE"])]
