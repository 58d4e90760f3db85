"""manage.py sweep_uploads: remove unsent uploads and files without a row."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chatproject.core.times import now
from messaging import services


class Command(BaseCommand):
    help = "Removes uploads that were not sent within a day, files without a row, and what killed processes left."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--strays-now", action="store_true", help="also the youngest of those files: only while nobody uploads"
        )
        parser.add_argument("--unsent-now", action="store_true", help="also the youngest of those uploads")

    def handle(self, *args: Any, **options: Any) -> None:
        swept = services.sweep(
            unsent_before=now() if options["unsent_now"] else None,
            strays_before=now() if options["strays_now"] else None,
        )
        self.stdout.write(
            f"{swept.unsent} uploads that nobody sent, {swept.strays} files without a row, {swept.scratch} unfinished"
        )
