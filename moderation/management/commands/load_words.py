"""manage.py load_words: put the words of a file into a list of the content filter."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from moderation import services
from moderation.models import Action


class Command(BaseCommand):
    help = "Replaces the words of a list of the content filter by those of a file; makes the list if there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="one word each line, in UTF-8 or GB18030; - reads standard input")
        parser.add_argument("--list", required=True, help="the name of the list")
        parser.add_argument("--action", choices=Action.values, default="", help="what its words do; a new list holds")
        parser.add_argument("--add", action="store_true", help="add to the words of the list")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            given = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
            loaded = services.load_words(
                name=options["list"], content=given, action=options["action"], is_added=options["add"]
            )
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']}: {error}") from None
        self.stdout.write(f"{sum(1 for _ in loaded.entries())} words in {loaded.name}")
