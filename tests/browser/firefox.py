#!/usr/bin/env python
"""The installed Firefox, driven by Playwright over WebDriver BiDi.

Run as a program it is that Firefox, with one command more: Playwright asks each context for its media features, which a
Firefox of the extended support release does not know yet; it is told that this was done. Everything else goes through
as it is.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Playwright
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

FIREFOX = next((path for path in ("/usr/bin/firefox-esr", "/usr/bin/firefox") if Path(path).exists()), "")
UNKNOWN = "emulation.setMediaFeaturesOverride"
LISTENING = "WebDriver BiDi listening on "
#: No frame limit, pings or compression: both sides are on one machine.
OPEN: dict[str, Any] = {"max_size": None, "ping_interval": None, "compression": None}
#: What Playwright requests for a context by itself.
AS_IT_IS: dict[str, Any] = {
    "color_scheme": "null",
    "reduced_motion": "null",
    "forced_colors": "null",
    "contrast": "null",
}


def launch(playwright: Playwright) -> Browser:
    return playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=__file__,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )


def run(arguments: list[str]) -> int:
    firefox = subprocess.Popen([FIREFOX, *arguments], stderr=subprocess.PIPE, text=True)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: firefox.terminate())
    assert firefox.stderr is not None
    for line in firefox.stderr:
        if LISTENING in line:
            begin(line.partition(LISTENING)[2].strip())
        else:
            print(line, end="", file=sys.stderr, flush=True)
    return firefox.wait()


def begin(address: str) -> None:
    def relay(playwright: ServerConnection) -> None:
        assert playwright.request is not None
        with connect(address + playwright.request.path, proxy=None, **OPEN) as firefox:
            threading.Thread(target=answers, args=(firefox, playwright), daemon=True).start()
            for frame in playwright:
                command = json.loads(frame)
                if command["method"] == UNKNOWN:
                    playwright.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))
                else:
                    firefox.send(frame)

    server = serve(relay, "127.0.0.1", 0, **OPEN)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{LISTENING}ws://127.0.0.1:{server.socket.getsockname()[1]}", file=sys.stderr, flush=True)


def answers(firefox: ClientConnection, playwright: ServerConnection) -> None:
    try:
        for frame in firefox:
            playwright.send(frame)
    except ConnectionClosed:
        pass
    playwright.close()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
