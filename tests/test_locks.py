"""The locks: every requirement is locked to versions that fit it, each with the hashes of its files."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path.name for path in ROOT.glob("requirements*.txt"))
#: One locked version: its requirement, and the lines of its hashes.
BLOCK = re.compile(r"^([^\s#-][^\n\\]*)((?:\\\n[ ]+--hash=sha256:[0-9a-f]{64} ?)*)$", re.MULTILINE)


def text_of(file: Path) -> str:
    """A file's lines with those of the files that it includes."""
    said = file.read_text()
    return re.sub(r"^-r (\S+)$", lambda found: text_of(file.parent / found[1]), said, flags=re.MULTILINE)


def locked(name: str) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for said, hashes in BLOCK.findall(text_of(ROOT / "locks" / name)):
        requirement = Requirement(said.strip())
        assert hashes.count("--hash=") >= 1, said
        assert [one.operator for one in requirement.specifier] == ["=="], said
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_locked_to_versions_that_fit_it(name: str) -> None:
    pins = locked(name)
    for line in text_of(ROOT / name).splitlines():
        if not (wanted := line.partition("#")[0].strip()):
            continue
        requirement = Requirement(wanted)
        versions = [next(iter(pin.specifier)).version for pin in pins.get(canonicalize_name(requirement.name), [])]
        assert versions, f"{wanted}: scripts/lock was not run"
        assert all(requirement.specifier.contains(one, prereleases=True) for one in versions), (wanted, versions)


@pytest.mark.parametrize("name", FILES)
def test_a_lock_has_nothing_but_hashed_versions(name: str) -> None:
    left = BLOCK.sub("", (ROOT / "locks" / name).read_text())
    assert [line for line in left.splitlines() if line and not line.startswith(("#", "-r "))] == []


def test_a_file_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    """`scripts/venv` as it is, with the versions of a package that lies on the disk."""
    wheel = _wheel(tmp_path / "files")
    for name in ("scripts", "locks"):
        (tmp_path / "project" / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "venv", tmp_path / "project" / "scripts")
    (tmp_path / "project" / "locks" / "requirements-build.txt").touch()
    lock = tmp_path / "project" / "locks" / "requirements.txt"

    def install(digest: str) -> subprocess.CompletedProcess[str]:
        lock.write_text(f"one-of-ours==1.0 \\\n    --hash=sha256:{digest}\n")
        return subprocess.run(
            ["scripts/venv", "requirements.txt"],
            cwd=tmp_path / "project",
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHON": sys.executable,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(wheel.parent),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    wrong = install("0" * 64)
    assert wrong.returncode != 0 and "THESE PACKAGES DO NOT MATCH THE HASHES" in wrong.stderr
    assert "build tools from the network" not in wrong.stderr, "nor is anything else taken from there"
    right = install(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert right.returncode == 0, right.stderr


def _wheel(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "one_of_ours-1.0-py3-none-any.whl"
    about = "one_of_ours-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("one_of_ours.py", "")
        made.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: one-of-ours\nVersion: 1.0\n")
        made.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{about}/RECORD", "")
    return path
