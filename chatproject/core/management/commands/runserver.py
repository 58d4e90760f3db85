"""`manage.py runserver`: daphne's development server, with everything it needs prepared first."""

from typing import Any

from daphne.management.commands.runserver import Command as DaphneCommand
from django.core.management.base import CommandError

from chatproject.core.server import bootstrap


class Command(DaphneCommand):
    def run(self, **options: Any) -> None:
        try:
            bootstrap.prepare()
        except bootstrap.Unprepared as reason:
            raise CommandError(str(reason)) from reason
        try:
            super().run(**options)
        finally:
            bootstrap.release()
