"""How tests are shared out where several processes run them (`scripts/test`, or `pytest -n 4`), and what is said meanwhile.

Every process has a server, a database and a Redis of its own (see conftest.py). A file's tests stay together, in one
process and in their order, for what they share. One long file is shared out by its looks.
"""

import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from typing import Any

import pytest

#: Tests that are begun together stay together: see tests/faults/conftest.py.
_TOGETHER = ("tests/faults/",)
#: A file that would keep one process busy long after the others are done. Its tests share only a look, with which their
#: parameters begin: zh-light-1280x800.
_BY_LOOK = "tests/browser/test_access.py"
#: What takes longest is begun first, or the others would wait for it at the end; and what looks at the whole database
#: before other tests have filled it. Each is the beginning of a name.
_ORDER = (
    *("tests/test_serving.py", "tests/faults/", "tests/test_backup.py", "tests/test_seed_demo.py"),
    *("tests/test_walk.py", "tests/test_unread.py", "tests/test_administration.py"),
    # Those of one folder after each other, because they share a server and a browser.
    *(f"tests/browser/test_{name}.py" for name in ("installed", "media", "delivery", "list", "conversation", "access")),
    *(f"tests/browser/test_{name}.py" for name in ("profile", "talking", "page", "outbox", "groups")),
    *("tests/browser/", "tests/test_routes.py", "tests/test_media.py", "tests/test_remembered.py"),
    *("tests/test_sealing.py", "tests/test_media_files.py", "tests/test_push.py", "tests/test_attacks.py"),
    *("tests/test_search.py", "tests/test_epochs.py", "tests/test_inputs.py", "tests/test_fuzz.py"),
    *("tests/test_monitoring.py", "tests/test_erasing.py", "tests/test_upload_door.py", "tests/fuzz/"),
    *("tests/test_names.py", "tests/test_deploy.py", "tests/test_upgrading.py", "tests/test_locks.py", ""),
)

#: Seconds without a word after which a line says what is being done.
SILENCE = 30.0


def unit(nodeid: str) -> str:
    """The piece of work to which a test belongs; its name."""
    file, _, test = nodeid.partition("::")
    if file == _BY_LOOK and "[" in test:
        return f"{file} {'-'.join(test.partition('[')[2].split('-')[:3])}"
    return next((start for start in _TOGETHER if nodeid.startswith(start)), file)


def place(nodeid: str) -> int:
    """When a test's piece of work is begun, compared with others."""
    return next(number for number, start in enumerate(_ORDER) if nodeid.startswith(start))


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is nobody to ask
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False  # that would be by their number of tests
    return Scheduling(config, log)


class Progress:
    """A line for each piece of work that is done, with the time and how much of all is done; one for each failure at once;
    and one that tells what goes on, where nothing was said for a while.
    """

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._began = self._last_word = time.monotonic()
        self._left: Counter[str] = Counter()
        self._outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._began_at: dict[str, float] = {}
        self._running: dict[str, float] = {}
        self._all = self._done = 0
        self._is_over = threading.Event()
        threading.Thread(target=self._break_silence, daemon=True).start()

    def _say(self, text: str, **markup: bool) -> None:
        self._last_word = now = time.monotonic()
        minutes, seconds = divmod(int(now - self._began), 60)
        part = 100 * self._done // max(self._all, 1)
        self._terminal.write_line(f"[{minutes}:{seconds:02} {part:3}%] {text}", **markup)

    def _break_silence(self) -> None:
        while not self._is_over.wait(1):
            now = time.monotonic()
            if now - self._last_word > SILENCE:
                running = (f"{nodeid} ({now - since:.0f} s)" for nodeid, since in list(self._running.items()))
                self._say("still " + (", ".join(running) or "preparing"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        if not self._all:
            self._all = len(ids)
            self._left.update(map(unit, ids))
            self._say(f"{len(ids)} tests in {len(self._left)} pieces")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._running[nodeid] = time.monotonic()
        self._began_at.setdefault(unit(nodeid), time.monotonic())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._outcomes[unit(report.nodeid)]["failed"] += 1
            crash = getattr(report.longrepr, "reprcrash", None)
            self._say(f"FAILED {report.nodeid} {crash.message[:500] if crash else ''}", red=True)
        elif report.when == "call" or report.skipped:
            self._outcomes[unit(report.nodeid)][report.outcome] += 1

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._running.pop(nodeid, None)
        name = unit(nodeid)
        self._done += 1
        self._left[name] -= 1
        if not self._left[name]:
            outcomes = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes[name].items())
            self._say(f"{name}: {outcomes} in {time.monotonic() - self._began_at[name]:.0f} s")

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """No dots: with several files at the same time they would not say whose they are."""
        status = yield
        # The word stays where it is wanted: in the summary at the end.
        return (status[0], "", "" if status[0] == "passed" else status[2]) if status else status

    def pytest_sessionfinish(self) -> None:
        self._is_over.set()


@pytest.hookimpl(trylast=True)  # after there is a terminal
def pytest_configure(config: pytest.Config) -> None:
    """Where tests are shared out, each process reads the settings for itself; and where nothing else is wanted (-v, -q),
    tell of files.
    """
    if getattr(config.option, "numprocesses", None):
        # pytest-django would read them in each process before that process has a place of its own.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and getattr(config.option, "numprocesses", None) and not config.option.verbose:
        config.pluginmanager.register(Progress(terminal))
