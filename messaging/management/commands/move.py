"""manage.py move: the rows of this installation into another database."""

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatproject.core.backup.saving import save

#: Instead of --to, for an address with a password: others on this computer see the arguments of commands.
VARIABLE = "NEW_DATABASE_URL"


class Command(BaseCommand):
    help = (
        "Copies all rows into another, empty database, of whichever kind, and compares the checksum of every table. "
        "The chat must not run. Afterwards set DATABASE_URL; this database stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", default="", help=f"as in DATABASE_URL; or {VARIABLE} in the environment")

    def handle(self, *args: Any, **options: Any) -> None:
        to = options["to"] or os.environ.get(VARIABLE, "")
        if not to:
            raise CommandError(f"Name the other database, with --to or in {VARIABLE}.")
        # A process of its own: which database it is decides about many settings.
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "restore", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ | {"DATABASE_URL": to}) as restoring:  # noqa: S603
            assert restoring.stdin
            # The other process has said why it takes no more.
            with suppress(BrokenPipeError):
                save(restoring.stdin, files=False)
            with suppress(BrokenPipeError):
                restoring.stdin.close()
        if restoring.returncode:
            raise CommandError("The rows were not moved.")
        self.stdout.write("Now set DATABASE_URL to the other database.")
