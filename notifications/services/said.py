"""What somebody is notified of: a message that was stored, or that somebody asks to join a group."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Said:
    """A message's output, and the function that makes its one-line preview in the active language.

    `is_pushed`: push was on when it was stored.
    """

    output: Mapping[str, Any]
    preview: Callable[[Mapping[str, Any]], str]
    is_pushed: bool = True

    @property
    def seq(self) -> int:
        return int(self.output["seq"])

    @property
    def mentions_any(self) -> bool:
        return bool(self.output["mentions"])

    def mentions(self, user_id: UUID) -> bool:
        return any(one["userId"] in (None, str(user_id)) for one in self.output["mentions"] or ())

    def is_by(self, user_id: UUID) -> bool:
        return bool(self.output["senderId"] == str(user_id))

    def texts(self) -> Iterator[str]:
        """What it says: its text or caption, the name of its file, of its place."""
        yield self.output["content"]
        yield self.output["fileName"] or ""
        yield (self.output["locationData"] or {}).get("name") or ""


class Asked:
    """That people ask to join a group. Who, and how many, is read when it is told."""

    __slots__ = ()
