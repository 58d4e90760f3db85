"""What has to be there before the chat can serve. Each step looks first whether there is anything to do."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

#: What packages bring along that no page of ours asks for, and that takes longer to compress than all the rest.
UNUSED = ["redoc", "rest_framework", "swagger-ui-*.js.map"]


def tables() -> None:
    """Bring the database to this version's shape."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def translations() -> None:
    """Compile what translators wrote."""
    for folder in settings.LOCALE_PATHS:
        for source in Path(folder).glob("*/LC_MESSAGES/*.po"):
            compiled = source.with_suffix(".mo")
            if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
                _compile(source, compiled)


def _compile(source: Path, compiled: Path) -> None:
    import polib  # not on a start that has nothing to compile

    draft = compiled.with_suffix(f".{os.getpid()}")
    polib.pofile(str(source)).save_as_mofile(str(draft))
    draft.replace(compiled)  # whole, for those who read it at this moment


def static_files() -> None:
    """Collect scripts, styles and pictures under names with their content's hash. With DEBUG nobody needs them."""
    if settings.DEBUG:
        return
    stamp = settings.STATIC_ROOT / ".collected"
    state = _state_of_static_files()
    if stamp.exists() and stamp.read_text() == state:
        return
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
    stamp.write_text(state)


def _state_of_static_files() -> str:
    digest = hashlib.sha256(f"{django.__version__} {settings.STORAGES['staticfiles']['BACKEND']} {UNUSED}".encode())
    for path in sorted(_static_sources()):
        found = path.stat()
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _static_sources() -> Iterator[Path]:
    for finder in get_finders():
        for name, storage in finder.list(UNUSED):
            yield Path(storage.path(name))
