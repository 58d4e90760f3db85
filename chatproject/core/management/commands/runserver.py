"""`manage.py runserver`: daphne's, for development, with the embedded Redis for as long as it runs."""

from typing import Any

from daphne.management.commands.runserver import Command as Daphne

from chatproject.core.redis import embedded
from chatproject.core.server import bootstrap


class Command(Daphne):
    def run(self, **options: Any) -> None:
        with embedded.ensure():
            bootstrap.translations()
            super().run(**options)
