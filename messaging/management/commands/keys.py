"""manage.py keys: encryption of what is stored already, and another data key."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatproject.core import redis, sealing
from chatproject.core.db.transactions import failures
from chatproject.core.errors import ChatError
from chatproject.core.sealing import rewriting
from messaging import services


class Command(BaseCommand):
    help = (
        "What people wrote and is stored already: encrypts it, decrypts it, or encrypts it by a new data key. The chat "
        "may run, and goes on. A run that was interrupted is started again and passes over what is done; after "
        "`rotate`, that is `encrypt`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["status", "encrypt", "decrypt", "rotate"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._do(options["action"])
        except (sealing.KeyUnavailable, redis.Unavailable, ChatError) as reason:
            raise CommandError(str(reason)) from reason
        except failures() as wrong:
            raise CommandError(f"The database cannot be used: {wrong}") from wrong

    def _do(self, action: str) -> None:
        if action == "status":
            self._status()
            return
        if action == "decrypt" and settings.ENCRYPTION:
            raise CommandError("Set ENCRYPTION=off and start the chat again first: it would encrypt what is written.")
        if action != "decrypt" and not settings.ENCRYPTION:
            raise CommandError("ENCRYPTION is off: turn it on and start the chat again first.")
        if action == "rotate":
            self.stdout.write(f"Data key {sealing.rotate()} encrypts from now on.")
        damaged = services.reseal_texts(self._tell) + self._files()
        if damaged:
            raise CommandError(f"{damaged} values or files do not open: they are damaged, or not in their places.")
        self.stdout.write("Done.")

    def _files(self) -> int:
        """Store all files as new ones are stored now. Returns how many do not open."""
        *_, done = services.Resealed(), *services.reseal_files()
        self._tell(f"files: {done.changed} of {done.seen} were written anew")
        return done.damaged

    def _status(self) -> None:
        state = sealing.status()
        self._tell(f"Encryption is {'on' if state.is_on else 'off'}; the key of {state.source} is used.")
        self._tell(f"Data keys: {', '.join(map(str, state.numbers)) or 'none'}.")
        for model, fields in rewriting.sealed_models():
            for column, numbers in rewriting.counts(model, fields).items():
                each = [f"{count} by key {key}" if key else f"{count} plain" for key, count in sorted(numbers.items())]
                self._tell(f"{model._meta.label_lower}.{column}: {', '.join(each) or 'nothing'}")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
