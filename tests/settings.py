"""The settings of servers that tests start as processes: the chat's, but for what costs time and proves nothing here."""

import sys
from os import environ

#: What only tests and some installations have. Other packages import these where they find them, which costs every start a
#: quarter of its time.
_ABSENT = {
    "psycopg": not environ.get("DATABASE_URL", "").startswith("postgres"),
    "opentelemetry": "OTEL_EXPORTER_OTLP_ENDPOINT" not in environ,
    "requests": "OTEL_EXPORTER_OTLP_ENDPOINT" not in environ,
}
for _name, _is_absent in _ABSENT.items():
    if _is_absent:
        sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # Python's own way to say so

from chatproject.settings import *  # noqa: F403 -- that is what these are

#: The default takes a third of a second of a processor and 100 MiB each time; hundreds of people sign up.
PASSWORD_HASHERS = ["tests.hashing.QuickArgon2"]
