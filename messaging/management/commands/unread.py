"""manage.py unread: compare every unread count with the messages."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chatproject.core import redis
from messaging import services


class Command(BaseCommand):
    help = "Compares every unread count, in the database and in Redis, with the messages. Exits 1 when some were wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="put what is wrong right")

    def handle(self, *args: Any, **options: Any) -> None:
        looked, cursors, keys = services.compare_unread(rebuild=options["rebuild"])
        redis.flush()
        self.stdout.write(f"{looked} memberships, {cursors} wrong in the database, {keys} wrong in Redis")
        if (cursors or keys) and not options["rebuild"]:
            raise SystemExit(1)
