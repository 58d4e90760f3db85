"""manage.py index: the index of searches."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging import services


class Command(BaseCommand):
    help = (
        "Writes all messages into the index of searches, and says how far it is. The chat does so by itself, in the "
        "background; this is for who wants it now. It may be stopped, and goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--status", action="store_true", help="only say how far it is")
        parser.add_argument(
            "--background", action="store_true", help="only whole blocks, until none is due for a while: for the chat"
        )
        parser.add_argument("--rebuild", action="store_true", help="empty it first; searches read messages meanwhile")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["background"]:
            services.index_while_due(self._tell)
            return
        if options["rebuild"]:
            services.forget_index()
        self._tell(services.index_state() if options["status"] else services.index_all(tell=self._tell))

    def _tell(self, done: services.Indexed) -> None:
        self.stdout.write(f"{done.messages - done.waiting} of {done.messages} messages are in the index")
