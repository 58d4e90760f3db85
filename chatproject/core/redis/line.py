"""A connection to Redis that a thread has for itself, on which an answer may be read later."""

import os
import threading
from collections.abc import Sequence
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from chatproject.core import metrics
from chatproject.core.redis.client import connection, guarded


class Line(threading.local):
    """Commands in order, each sent at once; `answers` waits for those that were sent since.

    Each thread that uses the object has its own connection. Without a pool, health checks and retries a
    call costs a quarter less than with the shared client.
    """

    def __init__(self) -> None:
        self._connection: Any = None
        self._sent = 0
        #: Answers that came before that of a script.
        self._early: list[Any] = []
        self._process = 0

    def send(self, *words: Any) -> None:
        """Send a command and do not wait. Raises Unavailable."""
        with guarded():
            try:
                line = self._connected()
                line.send_packed_command(line.pack_command(*words), check_health=False)
            except redis.RedisError:
                self._drop()
                raise
            self._sent += 1

    def answers(self) -> list[Any]:
        """The answers to what was sent; an error that Redis answered is among them.

        Raises Unavailable if not all of them arrive; those to what was sent before another command failed are missing.
        """
        answers, self._early = self._early, []
        with guarded(), metrics.timed(metrics.redis_seconds):
            try:
                while self._sent:
                    try:
                        answers.append(self._connection.read_response())
                    except redis.ResponseError as error:
                        answers.append(error)
                    self._sent -= 1
            except redis.RedisError:
                self._drop()
                raise
        return answers

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script and wait for its answer; those before it are left to `answers`. Raises Unavailable."""
        words = ("EVALSHA", script.sha, len(keys), *keys, *arguments)
        answer = self._ask(*words)
        if isinstance(answer, NoScriptError):
            self._ask("SCRIPT LOAD", script.script)
            answer = self._ask(*words)
        if isinstance(answer, redis.RedisError):
            raise answer
        return answer

    def _ask(self, *words: Any) -> Any:
        self.send(*words)
        *self._early, answer = self.answers()
        return answer

    def _connected(self) -> Any:
        if self._connection is None or self._process != os.getpid():  # a forked child leaves its parent's alone
            self._connection, self._sent, self._process = connection(), 0, os.getpid()
        elif not self._sent and self._has_ended():
            self._connection.disconnect()
            self._connection.connect()
        return self._connection

    def _has_ended(self) -> bool:
        """Whether there is something to read where nothing was asked: the end of the connection."""
        try:
            return bool(self._connection.can_read(timeout=0))
        except (redis.RedisError, OSError):
            return True

    def _drop(self) -> None:
        self._sent, self._early = 0, []
        if self._connection is not None:
            self._connection.disconnect()
