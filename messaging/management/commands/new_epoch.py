"""manage.py new_epoch: after a restore, let every client start afresh."""

from typing import Any

from django.core.management.base import BaseCommand

from messaging import services


class Command(BaseCommand):
    help = (
        "Begins a new epoch of the data: every client drops what it has, except for unsent words, and loads it again. "
        "A restored database is noticed without this command."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(services.begin_epoch())
