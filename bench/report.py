"""The table and the picture of `bench/run live --write`, in docs/."""

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- measured by {} -->", "<!-- end of what was measured -->"

Medians = dict[str, dict[str, dict[str, Any]]]


def write_report(medians: Medians, loads: list[Any], posts: Any, *, peer: str, rounds: int, seconds: float) -> None:
    write_section("bench/run live", _page(medians, loads, posts, peer=peer, rounds=rounds, seconds=seconds))
    _draw(medians, loads, peer)


def write_section(command: str, table: str) -> None:
    """Put what a command measured into its place in docs/performance.md."""
    page, begin = DOCS / "performance.md", BEGIN.format(command)
    before, rest = page.read_text().split(begin)
    _, after = rest.split(END, 1)
    page.write_text(f"{before}{begin}\n{table}\n{END}{after}")


def _page(medians: Medians, loads: list[Any], posts: Any, *, peer: str, rounds: int, seconds: float) -> str:
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, Node {_node()}; medians of {rounds} rounds of {seconds:g} s each. "
        f"In brackets the ratio to {peer}; of latencies, below 1 is faster. "
        "CPU: of the server, in µs per delivery or answer."
    )
    lines = [about, ""]
    for one in loads:
        unit = "ms" if one.figure.endswith("_ms") else one.figure.removesuffix("_per_s") + "/s"
        base = medians.get(peer, {}).get(one.name, {})
        rows = [(name, of[one.name], base) for name, of in medians.items() if one.name in of]
        lines += _table(one.name, unit, one.figure, rows)
    rows = [
        (name, of[posts.name], medians.get(f"express, {name.split(', ')[-1]}", {}).get(posts.name, {}))
        for name, of in medians.items()
        if posts.name in of
    ]
    return "\n".join([*lines, *_table(f"{posts.name} (ratio to Express)", "answers/s", posts.figure, rows)])


def _table(title: str, unit: str, figure: str, rows: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[str]:
    lines = [f"**{title}**", "", f"| | {unit} | p99 ms | CPU µs |", "|---|---|---|---|"]
    for name, result, base in rows:
        figures = [_figure(result, base, figure), _figure(result, base, "p99_ms"), _figure(result, {}, "server_us")]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return [*lines, ""]


def _figure(result: dict[str, Any], base: dict[str, Any], figure: str) -> str:
    if figure not in result:
        return "did not get through"
    value = result[figure]
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    if not result["whole"]:
        shown += " (incomplete)"
    return f"{shown} ({value / base[figure]:.2f})" if base.get(figure) else shown


def _node() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()


def machine() -> str:
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} x {cpu}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def _draw(medians: Medians, loads: list[Any], peer: str) -> None:
    """Ratios to the peer, the fan-outs and the pairs side by side."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "chat", "font.size": 9}
    shown = [one for one in loads if not one.figure.endswith("_ms")]
    names = [name for name in medians if name != peer and any(one.name in medians[name] for one in shown)]
    figure, axes = plt.subplots(1, len(shown), figsize=(3 * len(shown), 0.34 * len(names) + 1), sharey=True)
    for axis, one in zip(axes, shown, strict=True):
        base = medians[peer][one.name][one.figure]
        ratios = [medians[name].get(one.name, {}).get(one.figure, 0) / base for name in names]
        colours = ["#2f6fde" if name.startswith("chat") else "#b0b7c3" for name in names]
        bars = axis.barh(names, ratios, color=colours)
        axis.bar_label(bars, [f"{ratio:.2f}" if ratio else "" for ratio in ratios], padding=2)
        axis.axvline(1, color="#d0453b", linewidth=1)
        axis.set_title(one.name, fontsize=9)
        axis.set_xlim(0, max([*ratios, 1]) * 1.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    figure.supxlabel(f"times {peer}", fontsize=9)
    figure.tight_layout()
    figure.savefig(DOCS / "images" / "performance.svg", metadata={"Date": None})
