"""manage.py purge_groups: delete what is left of dissolved groups."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chatproject.core.redis.embedded import ensure
from chatproject.core.times import now
from messaging import services


class Command(BaseCommand):
    help = "Deletes the messages and files of groups that were dissolved longer than DISSOLVED_DAYS ago."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", action="store_true", help="also those that were dissolved just now")

    def handle(self, *args: Any, **options: Any) -> None:
        with ensure():
            purged = services.purge(before=now() if options["now"] else None)
            if purged:
                services.scrub()
        self.stdout.write(f"{purged} groups purged")
