"""The description of a running server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Server:
    """A running server; `options` are the load generator's, `people` names its file for a target."""

    ports: list[int]
    processes: list[int]
    stores: list[int] = field(default_factory=list)
    redis_port: int = 0
    log_file: Path | None = None
    #: Web processes that share one port, where there are several.
    workers: list[int] = field(default_factory=list)
    people: Callable[[str], str] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return self.ports[0]
