"""manage.py backup: the whole installation as one file, while it runs."""

import sys
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatproject.core.backup import schedule
from chatproject.core.backup.saving import save
from chatproject.core.server import upgrading


class Command(BaseCommand):
    help = (
        "Writes rows, uploaded files, keys and configuration into one archive, readable by its owner only. With "
        "BACKUP_PASSPHRASE it is encrypted. The chat may run meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("archive", nargs="?", help="the file to make; - is the standard output")
        parser.add_argument("--without-files", action="store_true", help="leave the uploaded files out")
        parser.add_argument(
            "--scheduled", action="store_true", help="into BACKUP_TO, if it is time; the oldest beyond BACKUP_KEEP go"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        def write(file: IO[bytes]) -> None:
            has_files = not options["without_files"]
            save(file, passphrase=settings.BACKUP_PASSPHRASE, files=has_files, told=self.stderr.write)
            upgrading.note_backup()

        if options["scheduled"]:
            self._scheduled(write)
        elif not options["archive"]:
            raise CommandError("Name the file to make, or - for the standard output.")
        elif options["archive"] == "-":
            write(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            self._make(Path(options["archive"]), write)

    def _scheduled(self, write: Any) -> None:
        if not settings.BACKUP_TO:
            raise CommandError("BACKUP_TO names no folder.")
        with schedule.alone() as is_alone:
            if is_alone and schedule.is_due():
                self._make(schedule.next_path(), write)
                for path in schedule.forget_old():
                    self.stdout.write(f"{path} made room")

    def _make(self, path: Path, write: Any) -> None:
        try:
            schedule.write_whole(path, write)
        except OSError as wrong:
            raise CommandError(f"{path}: {wrong.strerror or wrong}") from wrong
        self.stdout.write(f"{path} is written: {path.stat().st_size} bytes")
