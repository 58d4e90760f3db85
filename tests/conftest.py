"""The world tests run in: the real application in a real server on a free port, its own database
and its own Redis.

The server is a thread of this process, so that a test can count its queries, read its log and
change its settings; tests speak to it from outside. Nothing is flushed between tests: each makes
its own people, and finds only theirs. `DATABASE_URL` and `REDIS_URL` choose other servers than the
embedded ones.
"""

import contextvars
import functools
import itertools
import logging
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from chatproject.core.checks import RATES

#: Its name, where this is one of several processes that run tests: in a folder of that which
#: started them.
_worker = os.environ.get("PYTEST_XDIST_WORKER")
_ours = "DATA_DIR" not in os.environ
_shares = "TESTS_SHARED" not in os.environ
if _worker:
    os.environ["DATA_DIR"] += f"/{_worker}"
    Path(os.environ["DATA_DIR"]).mkdir(parents=True, exist_ok=True)
_listener = socket.create_server(("127.0.0.1", 0))
_PORT = _listener.getsockname()[1]
#: Before the settings are read. The limits are there, and too high to be met; tests of limits set
#: their own.
os.environ.update(
    {
        "DJANGO_SETTINGS_MODULE": "chatproject.settings",
        "HOST": "127.0.0.1",
        "PORT": str(_PORT),
        **({"DATA_DIR": tempfile.mkdtemp(prefix="chat-test-")} if _ours else {}),
        "MEDIA_ROOT": tempfile.mkdtemp(prefix="chat-media-"),
        # What is made once for all processes of a run.
        **({"TESTS_SHARED": tempfile.mkdtemp(prefix="chat-shared-")} if _shares else {}),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "ALLOWED_ORIGINS": f"http://127.0.0.1:{_PORT},http://localhost:{_PORT}",
        "REGISTRATION": "open",
        **dict.fromkeys(RATES, "100000/s"),
    }
)

import django
from django.conf import settings as _settings

assert not _settings.configured, "the settings were read before this process had a place of its own"
django.setup()

import httpx
import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.test.utils import override_settings, setup_databases, teardown_databases

from accounts.models import Installation, User
from accounts.names import name_key
from chatproject.core import hub, redis
from chatproject.core.server import bootstrap, serve
from tests import parallel
from tests.parallel import pytest_configure, pytest_xdist_make_scheduler  # noqa: F401 -- pytest finds them here
from tests.people import Browser, Person, api_client

# Queries --------------------------------------------------------------------------------------------------------------

#: Jobs of the server that would put right what a test has just spoiled, in the rows of all tests: a test calls them.
_NOT_HERE = {"compare", "index"}

_in_job: contextvars.ContextVar[bool] = contextvars.ContextVar("in_job", default=False)
_NO_QUERY = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


class _Statements:
    """Every SQL statement of every thread while a test counts, without those of the
    periodic jobs.
    """

    def __init__(self) -> None:
        self.counting: list[str] | None = None

    def watch(self, connection: Any, **_: Any) -> None:
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_job = _in_job.get() or threading.current_thread().name == "push-dispatcher"
        if self.counting is not None and not is_job and not sql.lstrip().upper().startswith(_NO_QUERY):
            self.counting.append(f"{threading.current_thread().name}: {sql}")
        return execute(sql, params, many, context)


_statements = _Statements()
connection_created.connect(_statements.watch, weak=False)


def _as_job(every: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def wrapped(seconds: float, job: Callable[..., Awaitable[None]]) -> None:
        if job.__name__ in _NOT_HERE:
            return

        @functools.wraps(job)
        async def marked(*some: Any) -> None:
            _in_job.set(True)
            await job(*some)

        every(seconds, marked)

    return wrapped


hub.every = _as_job(hub.every)  # type: ignore[assignment]
hub.in_turns = _as_job(hub.in_turns)  # type: ignore[assignment]


def _wait_for_unread_counts() -> None:
    """Return when the unread counts of all messages so far were pushed, a moment after each
    message.
    """
    from messaging import unread_push

    give_up = time.monotonic() + 60
    while unread_push._groups._round is not None or unread_push._private._round is not None:
        assert time.monotonic() < give_up, "there is always something to tell"
        time.sleep(0.01)


@contextmanager
def _query_budget(most: int) -> Iterator[list[str]]:
    _wait_for_unread_counts()
    for one in connections.all(initialized_only=True):
        _statements.watch(one)
    heard: list[str] = []
    _statements.counting = heard
    try:
        yield heard
    finally:
        _statements.counting = None
    assert len(heard) <= most, f"{len(heard)} queries, and {most} were to do:\n" + "\n".join(heard)


@pytest.fixture
def query_budget(server: str) -> Callable[[int], AbstractContextManager[list[str]]]:
    """`with query_budget(3):` the server may ask the database three times, transactions'
    own statements apart.
    """
    return _query_budget


@pytest.fixture
def unread_counts_are_pushed(server: str) -> Callable[[], None]:
    """Wait until the unread counts of all messages so far were pushed, to count only what
    follows.
    """
    return _wait_for_unread_counts


# The server -----------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", action="store_true", help="fuzz for long: tests/fuzz")
    storm = "kill everything again and again while so many messages are sent: tests/storm"
    parser.addoption("--storm", nargs="?", const=100_000, type=int, metavar="N", help=storm)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _worker:
        items.sort(key=lambda item: parallel.place(item.nodeid))
    for item in items:
        if item.get_closest_marker("django_db"):
            raise pytest.UsageError(f"{item.nodeid}: the database is open to every test, and that mark would empty it.")


@pytest.fixture(scope="session", autouse=True)
def _quiet_clients() -> None:
    """A failure shows what the server logged, not a line for each of the test's own requests."""
    logging.getLogger("httpx").setLevel(logging.WARNING)


def pytest_sessionfinish() -> None:
    _listener.close()
    if _ours:
        shutil.rmtree(os.environ["DATA_DIR"], ignore_errors=True)
    if _shares:
        shutil.rmtree(os.environ["TESTS_SHARED"], ignore_errors=True)
    shutil.rmtree(os.environ["MEDIA_ROOT"], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _quick_settings() -> Iterator[None]:
    """Turn off what costs time and proves nothing here."""
    from django.conf import settings

    quick = {
        "PASSWORD_HASHERS": ["tests.hashing.QuickArgon2"],
        # Without collecting the files first.
        "STORAGES": {
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
    }
    bootstrap.translations()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    with override_settings(**quick):
        yield


@pytest.fixture(scope="session")
def redis_server(_quick_settings: None) -> Iterator[None]:
    """The embedded Redis of this run's DATA_DIR, unless `REDIS_URL` names another."""
    from django.conf import settings

    from chatproject.core.redis.embedded import Keeper

    if not settings.REDIS_EMBEDDED:
        yield
        return
    keeper = Keeper(settings.DATA_DIR)
    keeper.start()
    yield
    redis.flush()
    keeper.stop()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """The test database, open to every thread for the whole run: the server's threads know
    no tests.
    """
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        yield
        connections.close_all()
        _end_other_sessions()
        teardown_databases(made, verbosity=0)


def _end_other_sessions() -> None:
    """End other connections: PostgreSQL drops no database that has any, and server threads
    leave some.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(scope="session")
def server(redis_server: None, django_db_setup: None) -> Iterator[str]:
    """The address of the application, served as `scripts/run` does."""
    bootstrap.done()
    config = serve.config()
    config.timeout_graceful_shutdown = 2
    is_ready = threading.Event()
    uvicorn_server = serve.Server(config, is_ready.set)
    thread = threading.Thread(target=uvicorn_server.run, args=([_listener],), name="server", daemon=True)
    thread.start()
    assert is_ready.wait(240), "the server does not start"
    address = f"http://127.0.0.1:{_PORT}"
    with api_client(address) as client:  # before any test: nobody else becomes the owner
        created = Person(client).post("/login", OWNER, status=201)
    _owners.append(UUID(created["id"]))
    yield address
    uvicorn_server.should_exit = True
    thread.join(15)


@pytest.fixture(scope="session")
def api(server: str) -> Iterator[httpx.Client]:
    """The HTTP client of all people."""
    with api_client(server) as client:
        yield client


OWNER = {"name": "The Owner", "password": "the owner of it all"}
#: The owner's id, once there is a server.
_owners: list[UUID] = []


@pytest.fixture(scope="module", autouse=True)
def _the_owner_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Blame the file that leaves the owner in another state, not those that come after it."""
    yield
    if not _owners:
        return
    with ThreadPoolExecutor(1) as thread:  # Playwright's event loop runs in this one
        states = thread.submit(_states_of_owners).result()
    for state in states:
        assert all(state.values()), f"{request.node.nodeid} changed the owner of all tests: {state}"


def _states_of_owners() -> list[dict[str, bool]]:
    try:
        return [
            {
                "name": user.name_key == name_key(OWNER["name"]),
                "password": user.check_password(OWNER["password"]),
                "rights": user.is_active and user.is_staff and user.is_superuser and user.silenced_until is None,
                "installation": Installation.objects.filter(owner_id=user.pk).exists(),
            }
            for user in User.objects.filter(pk__in=_owners)
        ]
    finally:
        connections.close_all()


# People ---------------------------------------------------------------------------------------------------------------

_numbers = itertools.count(1)
#: With a letter that no reserved word ends with: of "admin 0451" only the letters would count.
_run = f"x{os.urandom(3).hex()}"


class People:
    """`ann = person("ann")` signs somebody up, under a name nobody else has."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._everybody: list[Person] = []

    def unique(self) -> str:
        return f"{_run}{self.number()}"

    @staticmethod
    def number() -> int:
        """One that no other call returns."""
        return next(_numbers)

    def __call__(self, name: str, **more: Any) -> Person:
        return self.remember(Person.signed_up(self._client, f"{name} {self.unique()}", **more))

    def remember(self, person: Person) -> Person:
        """Close the sockets of a person when the test ends."""
        self._everybody.append(person)
        return person

    def close(self) -> None:
        for person in self._everybody:
            person.close()


@pytest.fixture
def person(api: httpx.Client) -> Iterator[People]:
    people = People(api)
    yield people
    people.close()


@pytest.fixture
def anonymous(api: httpx.Client) -> Iterator[Person]:
    """Somebody who is not signed in."""
    stranger = Person(api)
    yield stranger
    stranger.close()


@pytest.fixture
def owner(api: httpx.Client) -> Iterator[Person]:
    """The owner of the installation: staff, with every right."""
    user = Person(api).post("/login", OWNER, status=200)
    owner = Person(api, name=OWNER["name"], token=user.pop("token"), user=user)
    yield owner
    owner.close()


@pytest.fixture
def group() -> Callable[..., dict[str, Any]]:
    """`room = group(ann, bob)`: a group of ann's with bob in it."""

    def create(creator: Person, *members: Person, name: str = "tea", **more: Any) -> dict[str, Any]:
        body = {"name": name, "memberIds": [one.id for one in members], **more}
        created: dict[str, Any] = creator.post("/group/create", body, status=201)
        return created

    return create


@pytest.fixture
def browser(server: str, api: httpx.Client) -> Iterator[Callable[..., Browser]]:
    """`browser()` opens a new one, without cookies."""
    opened: list[Browser] = []

    def new(**headers: str) -> Browser:
        opened.append(Browser(server, **headers))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


# Unread counts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def unread_command(server: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, int]]:
    """`unread_command(rebuild=True)` runs `manage.py unread`: how many rows and keys were wrong, in the whole database.

    Other tests leave some: compare.
    """

    def run(*, rebuild: bool = False) -> tuple[int, int]:
        _wait_for_unread_counts()
        redis.flush()
        capsys.readouterr()
        code = 0
        try:
            call_command("unread", rebuild=rebuild)
        except SystemExit as ended:
            code = int(ended.code or 0)
        found = re.search(r"(\d+) wrong in the database, (\d+) wrong in Redis", capsys.readouterr().out)
        assert found
        rows, keys = int(found[1]), int(found[2])
        assert code == (1 if (rows or keys) and not rebuild else 0)
        return rows, keys

    return run


# The log --------------------------------------------------------------------------------------------------------------


class _Tracebacks(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.seen.append(self.format(record))


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """The server logs no error and no traceback while the test runs."""
    handler = _Tracebacks()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    assert not handler.seen, "the server logged:\n" + "\n".join(handler.seen)
