"""Tables of what was measured, and their places in docs/performance.md."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.compare import Measured
from bench.harness.generator import Load
from bench.harness.processes import ROOT

DOCS = ROOT / "docs"
_BEGIN, _END = "<!-- measured by {} -->", "<!-- end of what was measured -->"

#: The name of the one that a contestant's ratio is given to, if any.
Base = Callable[[str], str | None]


def write_section(command: str, table: str) -> None:
    """Put what a command measured into its place in docs/performance.md."""
    page, begin = DOCS / "performance.md", _BEGIN.format(command)
    before, rest = page.read_text().split(begin)
    _, after = rest.split(_END, 1)
    page.write_text(f"{before}{begin}\n{table}\n{_END}{after}")


def about(*, rounds: int, seconds: float | None = None) -> str:
    """When, where and how it was measured."""
    each = "" if seconds is None else f" of {seconds:g} s each"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, Node {_node()}; medians of {rounds} rounds{each}."


def tables(measured: Measured, loads: Sequence[Load], *, base: Base, others: Sequence[str] = ()) -> str:
    """A table per load. `others` are checkouts; the ratio to each has a column of its own."""
    return "\n".join(_table(measured, load, base, others) for load in loads if measured.names(load.name))


def _table(measured: Measured, load: Load, base: Base, others: Sequence[str]) -> str:
    unit = "ms" if load.figure.endswith("_ms") else load.figure.removesuffix("_per_s") + "/s"
    names = measured.names(load.name)
    lines = [
        f"**{load.name}**\n",
        f"| | {unit} | p99 ms | CPU µs |" + "".join(f" times {other} | CPU, times {other} |" for other in others),
        "|---|---|---|---|" + "---|---|" * len(others),
    ]
    for name in names:
        cells = [
            _cell(measured, name, base(name), load.name, load.figure),
            _cell(measured, name, base(name), load.name, "p99_ms"),
            _cell(measured, name, None, load.name, "server_us"),
        ]
        for other in others:
            for figure in (load.figure, "server_us"):
                ratio = measured.ratio(name, _counterpart(name, other), load.name, figure)
                cells.append("" if ratio is None else f"{ratio:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _counterpart(name: str, other: str) -> str:
    """The same variant of another checkout: "before, NORMAL" of "chat, NORMAL"."""
    return ",".join([other, *name.split(",")[1:]])


def _cell(measured: Measured, name: str, base: str | None, load: str, figure: str) -> str:
    value = measured.median(name, load, figure)
    if value is None:
        return "did not get through"
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    if not measured.is_whole(name, load):
        shown += " (incomplete)"
    ratio = None if base is None else measured.ratio(name, base, load, figure)
    return shown if ratio is None else f"{shown} ({ratio:.2f})"


def _node() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    cpu = models[0] if models else platform.machine()
    return f"{os.cpu_count()} x {cpu}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def draw(measured: Measured, loads: Sequence[Load], base: str) -> None:
    """docs/images/performance.svg: multiples of the base, one panel per load."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "chat", "font.size": 9}
    names = list(dict.fromkeys(name for load in loads for name in measured.names(load.name) if name != base))
    figure, axes = plt.subplots(1, len(loads), figsize=(3 * len(loads), 0.34 * len(names) + 1), sharey=True)
    for axis, load in zip(axes, loads, strict=True):
        ratios = [measured.ratio(name, base, load.name, load.figure) or 0 for name in names]
        colours = ["#2f6fde" if name.startswith("chat") else "#b0b7c3" for name in names]
        bars = axis.barh(names, ratios, color=colours)
        axis.bar_label(bars, [f"{ratio:.2f}" if ratio else "" for ratio in ratios], padding=2)
        axis.axvline(1, color="#d0453b", linewidth=1)
        axis.set_title(load.name, fontsize=9)
        axis.set_xlim(0, max([*ratios, 1]) * 1.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    figure.supxlabel(f"times {base}", fontsize=9)
    figure.tight_layout()
    figure.savefig(DOCS / "images" / "performance.svg", metadata={"Date": None})
