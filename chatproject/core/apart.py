"""Commands of manage.py in a process of their own, which leaves the interpreter to the chat."""

import asyncio
import logging
import os
import sys

from django.conf import settings

from chatproject.core import metrics
from chatproject.core.redis.embedded import DIE_WITH_PARENT

log = logging.getLogger(__name__)


async def run(*command: str, seconds: float, niceness: int = 0) -> None:
    """Run `manage.py` with these words for so long at most, and log what it says. It ends with this process.

    Only what never holds a lock of the database may be nicer than the chat, which would wait for it. Raises
    TimeoutError. A command that fails is logged.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(DIE_WITH_PARENT), str(os.getpid()), "/usr/bin/env", "nice", "-n", str(niceness)),
        *(sys.executable, str(settings.BASE_DIR / "manage.py"), *command),
        env={name: value for name, value in os.environ.items() if name != metrics.FOLDER},  # its numbers are nobody's
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, wrong = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.error("%s: %s", command[0], _lines(wrong)[-1:])
    elif said:
        log.info("%s: %s", command[0], _lines(said)[-1])


def _lines(text: bytes) -> list[str]:
    return text.decode(errors="replace").strip().splitlines()
