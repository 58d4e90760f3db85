"""What the documentation says of the tests is true."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
INTERFACE = (ROOT / "docs/interface.md").read_text()
#: A numbered promise, and what shows it.
LINES = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", INTERFACE, re.MULTILINE)


def named_tests(shown_by: str) -> list[tuple[Path, str | None]]:
    named = re.findall(r"`((?:tests/)?test_\w+\.py)(?:::(\w+))?`", shown_by)
    return [(ROOT / (path if "/" in path else f"tests/browser/{path}"), test or None) for path, test in named]


def test_every_promise_of_the_interface_has_its_number() -> None:
    assert [int(number) for number, _ in LINES] == list(range(1, 62))


@pytest.mark.parametrize(("number", "shown_by"), LINES, ids=[number for number, _ in LINES])
def test_a_promise_of_the_interface_names_tests_that_exist(number: str, shown_by: str) -> None:
    named = named_tests(shown_by)
    assert named
    for path, test in named:
        assert path.exists(), path
        functions = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
        assert test in (None, *functions)
