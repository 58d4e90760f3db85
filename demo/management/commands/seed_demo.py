"""manage.py seed_demo: fill a new installation with people, groups and two weeks of
conversations.
"""

import logging
import secrets
from datetime import timedelta, timezone
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import selectors
from accounts.models import User
from accounts.names import name_key
from chatproject.core import redis
from chatproject.core.errors import ChatError
from chatproject.core.server import bootstrap
from demo import stage
from demo.cast import ME, PEOPLE


class Command(BaseCommand):
    help = "Fills the chat with people, groups and conversations in Chinese and English. Once; on a new installation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as",
            dest="name",
            default=PEOPLE[ME].name,
            help="who is in the middle of it: your account, which stays as it is, or a new one of that name",
        )
        parser.add_argument("--password", help="of all the new accounts; without it one is made up, and printed")
        parser.add_argument(
            "--east", type=int, default=8, help="hours that their clocks are before UTC: 8 in China, -5 in New York"
        )
        parser.add_argument("--yes", action="store_true", help="also where other people are already")

    def handle(self, *args: Any, **options: Any) -> None:
        bootstrap.tables()
        name, password = options["name"], options["password"] or secrets.token_urlsafe(12)
        me = selectors.by_name(name)
        names = [person.name for key, person in PEOPLE.items() if key != ME]
        if known := [one for one in names if selectors.by_name(one)]:
            raise CommandError(
                f"The demo is here already, or was begun: there is {known[0]}. An empty DATA_DIR has room for it."
            )
        if not options["yes"] and User.objects.exclude(name_key=name_key(name)).exists():
            raise CommandError(
                "There are people here, and they would find the demo's among them. --yes says that they may."
            )
        logging.disable(logging.WARNING)  # without a running server each message would log that nobody was told
        try:
            people = stage.invite(name, password, me)
            messages = stage.perform(people, timezone(timedelta(hours=options["east"])))
        except ChatError as error:
            details = [str(text) for texts in (error.errors or {}).values() for text in texts]
            raise CommandError(" ".join(details) or str(error.detail)) from error
        finally:
            redis.flush()
            logging.disable(logging.NOTSET)
        self.stdout.write(f"{len(people)} people have said {messages} things. They sign in as")
        for user in people.values():
            self.stdout.write(f"  {user.name}{'  (your account, with its own password)' if user == me else ''}")
        self.stdout.write(f"with the password {password}, which is nowhere else: write it down.")
        if people[ME].is_superuser:
            self.stdout.write(f"{people[ME].name} owns this installation.")
