"""A PostgreSQL for measurements: that of scripts/with-postgresql."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness.processes import ROOT

_PROGRAMS = Path("/usr/lib/postgresql")


def is_installed() -> bool:
    return any(_PROGRAMS.glob("*/bin/initdb"))


def databases() -> list[str]:
    """Those that can be measured here."""
    return ["sqlite", *(["postgresql"] if is_installed() else [])]


def version() -> str:
    newest = max((int(one.parent.parent.name) for one in _PROGRAMS.glob("*/bin/initdb")), default=0)
    return f"PostgreSQL {newest or ''}".strip()


@contextmanager
def running(folder: Path | None = None) -> Iterator[str]:
    """DATABASE_URL of a server of its own; in a folder that stays, if one is given."""
    kept = {} if folder is None else {"POSTGRESQL_FOLDER": str(folder)}
    command = ["scripts/with-postgresql", "sh", "-c", 'echo "$DATABASE_URL"; cat']
    # It ends with its input.
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **kept}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        url = server.stdout.readline().strip()
        if not url.startswith("postgres"):
            raise RuntimeError("PostgreSQL does not start")
        try:
            yield url
        finally:
            server.stdin.close()
            server.wait()


def analyze(url: str) -> None:
    """Count rows, as PostgreSQL does by itself some time after many were written."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
