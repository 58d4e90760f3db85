"""The project's real run command, on a free port and with a data directory of its own."""

import fcntl
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests import databases, ports

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
#: The same engine without windows. It takes half the processor time, and has no notifications and no permissions.
_SHELL = "/usr/bin/chromium-headless-shell"
HEADLESS_CHROMIUM = _SHELL if Path(_SHELL).exists() else CHROMIUM
#: The address bar's list of suggestions is two pages of its own for every window: they cost more than the chat itself. A
#: browser goes by the last of such lists only, so that Playwright's own features are named again.
_UNWANTED = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AvoidUnnecessaryBeforeUnloadCheckSync", "PaintHolding"),
    *("DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "LensOverlay"),
    *("MediaRouter", "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints"),
    *("NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"),
)
#: No browser may reach out of the machine by itself.
BROWSER_ARGS = [
    f"--disable-features={','.join(_UNWANTED)}",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: A microphone that beeps and a camera that shows the time, for contexts that permit them.
FAKE_DEVICES = ["--use-fake-device-for-media-stream"]
#: The headless shell cannot ask for permission: there, everyone has it.
GRANTED_DEVICES = [*FAKE_DEVICES, "--use-fake-ui-for-media-stream"]
PASSWORD = "correct horse battery"
#: Seconds a server may take to start on a busy machine.
START = 240.0


class Server:
    """`manage.py serve`, or another `command`, as a child process, with a database of its own.

    `kill()` is like a power cut; `start()` may follow it. The first start finds a database and static
    files that are `prepared`, unless `is_first`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        is_first: bool = False,
        command: Sequence[str] = ("manage.py", "serve"),
        **environment: str,
    ) -> None:
        self._command = command
        self.port = ports.lease()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.data = folder / "data"
        self.database = databases.of(self.data)
        self.process: subprocess.Popen[bytes] | None = None
        self._is_first = is_first
        self.http = httpx.Client(base_url=self.url, timeout=60)
        # Without the caller's environment: its DATA_DIR, DATABASE_URL and limits must not apply here.
        self._environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
        } | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PORT": str(self.port),
            "DATA_DIR": str(self.data),
            "MEDIA_ROOT": str(folder / "media"),
            **({} if "DATABASE_URL" in environment else self.database.settings),
            "RATE_SIGNUPS": "off",
            "RATE_SIGNINS": "off",
            "RATE_MESSAGES": "off",
            "RATE_CHAT_MESSAGES": "off",
            "RATE_CONNECTIONS": "off",
            "RATE_UPLOADS": "off",
            "DEBUG": "off",
            **environment,
        }

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.http.close()

    def prepare(self) -> None:
        """Put what a first start makes in its place; `start` does it, too."""
        if not self._is_first and not self.database.is_made():
            shutil.copytree(prepared(), self.data, dirs_exist_ok=True)
            self.database.become(prepared())

    def start(self) -> None:
        self.prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(word.format(port=self.port) for word in self._command)],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.TransportError):
                if self.http.get("/healthz").status_code == 200:
                    return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"The server did not start:\n{self.log.read_text()}")

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `manage.py` with this server's settings; the server need not run."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=300)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            process.send_signal(how)
            try:
                process.wait(60)
            finally:
                process.kill()  # one that does not end fails its test, and does not outlive it


@functools.cache
def prepared() -> Path:
    """A DATA_DIR after a first start, to be copied. It is made once for all processes of a run."""
    shared = Path(os.environ["TESTS_SHARED"])
    made = shared / "prepared"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = shared / "draft"
            draft.mkdir()
            with Server(draft, is_first=True) as server:
                pass
            server.database.leave(server.data)
            server.data.rename(made)
    return made


class Person:
    """A user who talks by HTTP, without a browser."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self._http = server.http
        self._headers: dict[str, str] = {}
        answer = self.post("/login", name=name, password=PASSWORD)
        self.id: str = answer["id"]
        self._headers["Authorization"] = f"Bearer {answer['token']}"

    def post(self, path: str, **body: Any) -> Any:
        answer = self._http.post(path, json=body, headers=self._headers)
        answer.raise_for_status()
        return answer.json()

    def say(self, to: "Person", text: str, **more: Any) -> Any:
        return self.post("/private/send", receiverId=to.id, content=text, type="text", **more)

    def say_in(self, group_id: str, text: str, **more: Any) -> Any:
        return self.post("/group/send", groupId=group_id, content=text, type="text", **more)

    def upload(self, kind: str, name: str, data: bytes) -> Any:
        answer = self._http.post(
            "/upload", data={"mediaType": kind}, files={"media": (name, data)}, headers=self._headers
        )
        answer.raise_for_status()
        return answer.json()

    def create_group(self, name: str, *members: "Person", **more: Any) -> str:
        group = self.post("/group/create", name=name, memberIds=[member.id for member in members], **more)
        return str(group["id"])
