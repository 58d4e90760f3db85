"""Redis servers and Sentinels of one's own, as an operator has them."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests import ports

#: Seconds that servers may take on a busy machine.
START = 60.0


def client_at(port: int) -> Any:
    """A client that is refused at once, where redis-py's would wait for seconds and try again."""
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0))


class Redis:
    """A server of one's own, over TCP."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or ports.lease()
        self.folder = folder
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", str(folder), "--save", "", *options],
            stdout=subprocess.DEVNULL,
        )
        self.wait(lambda: self.client().ping())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Any:  # redis-py says of an answer that it may be awaited
        return client_at(self.port)

    def wait(self, is_so: Callable[[], Any]) -> None:
        give_up = time.monotonic() + START
        while time.monotonic() < give_up:
            try:
                if is_so():
                    return
            except redis.RedisError:
                pass
            time.sleep(0.02)
        raise AssertionError("Redis does not come up")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def start_sentinel(folder: Path, master: Redis) -> tuple[subprocess.Popen[bytes], int]:
    port = ports.lease()
    (folder / "sentinel.conf").write_text(
        f"port {port}\ndir {folder}\nsentinel monitor main 127.0.0.1 {master.port} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
    )
    command = ["redis-sentinel", str(folder / "sentinel.conf")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL), port
