"""manage.py doctor: what is well and what is not, with what to do."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from chatproject.core.server.doctor import findings


class Command(BaseCommand):
    help = (
        "Tries settings, folders, database, Redis, clocks and every address at which the chat is to be reached, as the "
        "chat uses them: a line for each, and what to do where something is wrong. Run it while the chat runs."
    )
    requires_system_checks: list[str] = []  # they are part of it

    def handle(self, *args: Any, **options: Any) -> None:
        is_well = True
        for finding in findings():
            is_well = is_well and not finding.advice
            line = f"{'WRONG' if finding.advice else 'ok':6} {finding.part}: {finding.seen}"
            self.stdout.write(f"{line}\n       {finding.advice}" if finding.advice else line)
        if not is_well:
            sys.exit(1)
