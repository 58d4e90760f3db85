"""`manage.py serve`: everything the chat needs, in one command."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chatproject import own_addresses
from chatproject.core import metrics, sealing
from chatproject.core.db.transactions import failures
from chatproject.core.redis import embedded, memory
from chatproject.core.server import bootstrap, serve, trial, upgrading, workers

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Prepares the database, the embedded Redis and the static files where needed, and serves the chat."
    requires_system_checks: list[str] = []  # they run below, and not in workers

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--worker", nargs=2, type=int, help="used by this command itself: the file descriptors of two sockets"
        )

        parser.add_argument(
            "--prepare",
            action="store_true",
            help="make what this version needs beside a chat that runs, if its tables are this version's, and end",
        )
        parser.add_argument(
            "--translate", action="store_true", help="compile the translations beside the code, for an image, and end"
        )
        parser.add_argument("--yes", action="store_true", help="upgrade the database without a recent backup")

    def handle(self, *args: Any, worker: list[int] | None = None, **options: Any) -> None:
        serve.exit_on_signals()
        if worker:
            bootstrap.done()
            sealing.opening_ring()  # its event loop asks no database
            workers.serve_as_worker(*worker)
            return
        if options["translate"]:
            bootstrap.translations()
            return
        if options["prepare"]:
            self._prepare()
            return
        self._is_sure = options["yes"]
        with _listening() as listener, _only_one_here():
            bootstrap.permissions()
            try:
                self._serve(listener)
            except (embedded.Unavailable, trial.Refused, sealing.KeyUnavailable) as missing:
                raise CommandError(str(missing)) from missing
            except failures() as error:
                raise CommandError(f"The database cannot be used: {error}") from error

    def _serve(self, listener: socket.socket) -> None:
        with _redis():
            self.check()
            bootstrap.translations()
            bootstrap.tables(is_sure=self._is_sure)
            sealing.prepare()
            bootstrap.static_files()
            bootstrap.done()
            if settings.WORKERS == 1:
                with _metrics():
                    serve.serve(listener, self._announce)
                return
            numbers = metrics.new_folder(settings.DATA_DIR / "metrics")
            with _metrics(numbers):
                workers.serve_in_workers(listener, settings.WORKERS, self._announce, numbers=numbers)

    def _prepare(self) -> None:
        self.check()
        try:
            is_pending = upgrading.is_pending()
        except failures() as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        if is_pending:
            raise CommandError("This version changes the tables of the database: end the chat and start it again.")
        bootstrap.translations()
        bootstrap.static_files()

    def _announce(self) -> None:
        here, *elsewhere = _addresses()
        self.stdout.write(f"The chat is at {here} and its data in {settings.DATA_DIR}")
        if elsewhere:
            self.stdout.write("Other computers reach it at")
            for address in elsewhere:
                self.stdout.write(f"  {address}")
            self.stdout.write("if a firewall lets them. ALLOWED_ORIGINS adds other names and addresses.")
        self.stdout.write("Ctrl-C ends it.")
        self.stdout.flush()


def _addresses() -> list[str]:
    """The addresses at which the chat is open: here first, then those of ALLOWED_ORIGINS."""
    is_everywhere = settings.HOST in own_addresses.EVERY_ADDRESS
    host = "127.0.0.1" if is_everywhere else f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    here = f"http://{host}:{settings.PORT}"
    local = {f"http://{name}:{settings.PORT}" for name in ("localhost", "127.0.0.1")}
    others = [origin for origin in settings.ALLOWED_ORIGINS if origin not in local and origin != here]
    return [f"{address}/" for address in (here, *(others if is_everywhere else []))]


@contextmanager
def _listening() -> Iterator[socket.socket]:
    try:
        listener = serve.listen(settings.HOST, settings.PORT)
    except OSError as error:
        raise CommandError(
            f"Cannot serve at {settings.HOST}, port {settings.PORT}: {error.strerror}. HOST and PORT choose another."
        ) from error
    with listener:
        yield listener


@contextmanager
def _only_one_here() -> Iterator[None]:
    """Refuse to start beside another chat on this DATA_DIR: both would manage the same Redis."""
    with bootstrap.the_only_one(patience=1) as is_alone:  # a second, for one that is just ending
        if not is_alone:
            raise CommandError(
                f"Another chat serves from {settings.DATA_DIR}. End it, set WORKERS for more processes, or give this "
                "one a DATA_DIR of its own."
            )
        yield


@contextmanager
def _metrics(numbers: str = "") -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(metrics.served_at(settings.METRICS_ADDRESS, numbers))
        except OSError as error:
            raise CommandError(f"METRICS_ADDRESS: {error.strerror}. Choose another.") from error
        yield


@contextmanager
def _redis() -> Iterator[None]:
    keeper = embedded.Keeper(settings.DATA_DIR)
    try:
        if settings.REDIS_EMBEDDED:
            keeper.start()
        trial.require()
        memory.check()
        yield
    finally:
        serve.ignore_signals()
        keeper.stop()
