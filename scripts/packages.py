"""The locked versions of packages: made from the requirements files, and asked about.

Each `locks/NAME.txt` has what `NAME.txt` needs and the locks of the files that it includes do not have,
with the hashes of every file of each version: for all platforms, and for Python 3.11 and newer.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
TOOLS = Path(sys.executable).parent
#: The oldest Python that the chat runs with.
PYTHON = "3.11"
#: Files with environments or purposes of their own, whose versions need not fit those of the others.
ALONE = ("requirements-build.txt", "requirements-tools.txt")

#: One locked version, with its marker and its hashes.
_BLOCK = re.compile(r"^[^\s#-][^\n]*(?:\n[ ]+--hash=[^\n]*)*", re.MULTILINE)
_INCLUDED = re.compile(r"^-r (\S+)", re.MULTILINE)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def lock(options: list[str]) -> None:
    """Resolve all files together, then lock each with what came out."""
    LOCKS.mkdir(exist_ok=True)
    files = sorted((path.name for path in ROOT.glob("requirements*.txt")), key=_depth)
    with tempfile.TemporaryDirectory() as folder:
        common = Path(folder, "common.txt")
        common.write_text("".join(f"{pin}\n" for name in files if name not in ALONE for pin in _pins(name)))
        _compile([name for name in files if name not in ALONE], common, *options)
        for name in files:
            made = Path(folder, name)
            if name in ALONE:
                made.write_text("".join(f"{pin}\n" for pin in _pins(name)))
                _compile([name], made, "--generate-hashes", *options)
            else:
                _compile([name], made, "--generate-hashes", "--constraint", str(common))
            _write(name, made.read_text())


def _included(name: str) -> list[str]:
    return _INCLUDED.findall((ROOT / name).read_text())


def _depth(name: str) -> int:
    """How many files a file includes, one in the other: those that are included come first."""
    return max((1 + _depth(other) for other in _included(name)), default=0)


def _compile(files: list[str], target: Path, *options: str) -> None:
    command = ["uv", "pip", "compile", "--quiet", "--system-certs", "--universal", "--python-version", PYTHON]
    command += ["--no-header", "--no-annotate", *options, "--output-file", str(target), *files]
    subprocess.run([TOOLS / command[0], *command[1:]], cwd=ROOT, check=True)  # noqa: S603


def _write(name: str, made: str) -> None:
    included = _included(name)
    known = {block for other in included for block in _blocks(other)}
    lines = [f"# Made by scripts/lock from {name}.", *(f"-r {other}" for other in included)]
    lines += [block for block in _BLOCK.findall(made) if block not in known]
    (LOCKS / name).write_text("\n".join(lines) + "\n")


def _blocks(name: str) -> list[str]:
    """The locked versions of a file and of those that it includes."""
    text = (LOCKS / name).read_text() if (LOCKS / name).exists() else ""
    return [*_BLOCK.findall(text), *(block for other in _INCLUDED.findall(text) for block in _blocks(other))]


def _pins(name: str) -> list[str]:
    return [block.partition(" \\")[0] for block in _blocks(name)]


def audit() -> int:
    """Print the known holes of all locked versions; the exit code."""
    asked, holes = 0, []
    for path in sorted(LOCKS.glob("*.txt")):
        command = [str(TOOLS / "pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
        command += ["--format", "json", "--requirement", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
        try:
            packages = json.loads(done.stdout)["dependencies"]
        except (ValueError, LookupError):
            said = done.stderr.strip().splitlines() or ["nothing"]
            say(f"{path.name}: not checked ({said[-1][:200]})")
            continue
        for package in packages:
            asked += "vulns" in package
            holes += [
                f"{package['name']} {package['version']}: {hole['id']}, mended in {hole['fix_versions']}"
                for hole in package.get("vulns", ())
            ]
    for hole in sorted(set(holes)):
        say(hole)
    if not asked:
        say("No network answers what is known about the locked versions: not checked.")
    return 1 if holes else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["lock", *options]:
            lock(options)
        case ["audit"]:
            sys.exit(audit())
