"""What notifies, as cases: for the server's rule and the page's."""

from typing import NamedTuple


class Case(NamedTuple):
    hears: str
    is_muted: bool
    is_called: bool
    notifies: bool


CASES = [
    Case("all", False, False, True),
    Case("all", False, True, True),
    Case("all", True, False, False),
    Case("all", True, True, True),
    Case("mentions", False, False, False),
    Case("mentions", False, True, True),
    Case("mentions", True, False, False),
    Case("mentions", True, True, True),
    Case("nothing", False, False, False),
    Case("nothing", False, True, False),
    Case("nothing", True, False, False),
    Case("nothing", True, True, False),
]


class QuietCase(NamedTuple):
    """At the second 5 of the time that quiet hours from second 0 to 10 began; None: there are none."""

    at: int
    lets_mentions_through: bool | None
    is_called: bool
    is_quiet: bool


QUIET_CASES = [
    QuietCase(5, None, False, False),
    QuietCase(5, False, False, True),
    QuietCase(5, False, True, True),
    QuietCase(5, True, False, True),
    QuietCase(5, True, True, False),
    QuietCase(0, False, False, True),
    QuietCase(10, False, False, False),
    QuietCase(-1, False, False, False),
]
