"""Code blocks: which parts are keywords, strings, comments."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from chatproject.core.sandbox import pool

CODE = 'def greet():  # 👋 hello\n    return "hi", 1'
CODE_KINDS = "kkk fffff     cccccccccc     kkkkkk ssss  n"
#: Something of every language, and what no lexer expects.
ANYTHING = "<a href='x'>\n```\n$ ls -l /*\n+1 \"\\ 李 👋 #{ %} $(\n\t-- end"


def length(text: str) -> int:
    """In UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def test_each_code_unit_of_a_block_has_its_kind_and_a_block_is_read_once(
    person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from messaging.media.code import KINDS, LANGUAGES  # all lexers are made with it, which takes a second

    ann, bob = person("ann"), person("bob")
    for language in LANGUAGES.split():
        kinds = ann.post("/message/highlight", {"code": ANYTHING, "language": language})["kinds"]
        assert len(kinds) == length(ANYTHING), language
        assert set(kinds) <= {*KINDS.values(), " "}, language
    assert ann.post("/message/highlight", {"code": CODE, "language": "Py"}) == {"kinds": CODE_KINDS}
    assert ann.post("/message/highlight", {"code": CODE, "language": "nothing like it"}) == {"kinds": ""}
    # What another person asked for is not read again.
    monkeypatch.delattr(pool, "run")
    assert bob.post("/message/highlight", {"code": CODE, "language": "Py"}) == {"kinds": CODE_KINDS}


def test_a_block_that_takes_too_long_stays_as_it_is_and_few_of_one_person_wait(
    person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = person("ann"), person("bob")
    begins, goes_on = threading.Semaphore(0), threading.Event()

    def takes_long(_function: str, *, code: str, **_rest: Any) -> Any:
        if "slow" in code:
            begins.release()
            goes_on.wait(30)
        raise pool.Refused("time")

    monkeypatch.setattr(pool, "run", takes_long)

    def ask(number: int) -> int:
        block = {"code": f"slow {number}", "language": "c"}
        return int(ann.request("post", "/message/highlight", body=block).status_code)

    with ThreadPoolExecutor(6) as several:
        asked = [several.submit(ask, number) for number in range(6)]
        assert begins.acquire(timeout=30)
        # One of hers is read, few wait, and the next is refused at once.
        assert next(as_completed(asked)).result() == 503
        assert bob.post("/message/highlight", {"code": "short", "language": "c"}) == {"kinds": ""}
        goes_on.set()
        assert {one.result() for one in asked} == {200, 503}
