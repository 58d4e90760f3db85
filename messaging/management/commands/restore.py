"""manage.py restore: make an installation of what `manage.py backup` wrote."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatproject.core.backup import restoring
from chatproject.core.backup.rows import Unreadable
from chatproject.core.db.transactions import failures
from chatproject.core.server import bootstrap
from messaging import services


class Command(BaseCommand):
    help = (
        "Reads an archive into the database of DATABASE_URL, the files into MEDIA_ROOT and the keys into DATA_DIR. The "
        "chat must not run. Open pages start afresh, and keep what they have not sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("archive", help="the file to read; - is the standard input")
        parser.add_argument("--check", action="store_true", help="only read it to its end, and prove its rows")
        parser.add_argument(
            "--replace",
            action="store_true",
            help=f"also where there are people already; an SQLite database is kept as …{restoring.ASIDE}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _opened(options["archive"]) as source:
                if options["check"]:
                    restoring.check(source, passphrase=settings.BACKUP_PASSPHRASE, told=self.stderr.write)
                    self.stdout.write("The archive is whole.")
                    return
                with bootstrap.the_only_one() as is_alone:
                    if not is_alone:
                        raise CommandError(f"The chat serves from {settings.DATA_DIR}: end it first.")
                    self._restore(source, replace=options["replace"])
        except (Unreadable, restoring.NotEmpty) as refused:
            raise CommandError(str(refused)) from refused
        except failures() as wrong:
            raise CommandError(f"The database cannot be used: {wrong}") from wrong
        except OSError as wrong:
            raise CommandError(f"{wrong.filename or options['archive']}: {wrong.strerror or wrong}") from wrong

    def _restore(self, source: IO[bytes], *, replace: bool) -> None:
        bootstrap.permissions()
        restoring.restore(source, passphrase=settings.BACKUP_PASSPHRASE, replace=replace, told=self.stderr.write)
        services.begin_epoch()
        self.stdout.write("Restored. Start the chat.")


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as source:
            yield source
