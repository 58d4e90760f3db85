"""Starts the selected tests of this folder together, each in a thread and a world of its own.

They spend most of their time waiting: for servers to start, or for half a minute to pass. pytest
then waits for them one by one.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.faults.phones", "tests.faults.talk")

from tests.browser.server import prepared
from tests.faults.world import Story, World

#: Worlds that run at the same time; with more, each takes longer.
AT_ONCE = 3


@pytest.fixture(scope="session")
def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Story, "Future[None]"]]:
    async def tell(story: Story, folder: Path) -> None:
        async with World(folder, prepared()) as world:
            await story(world)

    functions = [getattr(item, "function", None) for item in request.session.items]
    stories = [function.story for function in functions if function is not None and hasattr(function, "story")]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {story: threads.submit(asyncio.run, tell(story, tmp_path_factory.mktemp("world"))) for story in stories}
