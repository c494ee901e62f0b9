"""The figures of docs/performance.md, written from what the benchmark printed: nobody copies them by hand.

`python -m model.benchmark.page --measure` runs every form in turn, each into a JSON file of docs/performance,
and writes the page; `--measure NAME ...` only some. Without, the page is written from the files as they are.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.benchmark.report import Row, cell

FOLDER, PAGE = Path("docs/performance"), Path("docs/performance.md")
END = "<!-- end of figures -->"
_PLACE = re.compile(rf"<!-- figures: ([\w-]+) -->\n.*?{re.escape(END)}", re.DOTALL)
_QUICK = ("--runs", "5", "--seconds", "8")


@dataclass(frozen=True, slots=True)
class Part:
    """One run of the benchmark: its words, the columns that the page shows, and a table inside its report.

    inner: 'early exit', a fact that is a table itself; 'stages', a table in each row; '' for none.
    """

    words: tuple[str, ...]
    columns: tuple[str, ...]
    inner: str = ""


_COUNTED = ("input", "stage", "GFLOP", "MB")
_BACKBONES = ("peers", "--count", "--only", "full,odise", "--size")
_SIZES = ("peer", "input", "M params", "GFLOP")
PARTS = {
    "count-full": Part(("model", "--preset", "full", "--count"), _COUNTED, "early exit"),
    "count-mini": Part(("model", "--count"), _COUNTED, "early exit"),
    "model": Part(
        ("model", "--batch", "1,4", "--pictures", "tests/data/photos", *_QUICK),
        ("input", "batch", "pictures/s", "ms/picture", "cpu ms", "GFLOP", "GFLOP/s", "floor ms", "of floor %",
         "peak MiB"),
        "stages",
    ),
    "peers": Part(
        ("peers", *_QUICK),
        ("peer", "answers", "input", "M params", "GFLOP", "ms", "ratio", "ratio cpu", "process MiB", "rounds",
         "remark"),
    ),
    "odise-512x512": Part((*_BACKBONES, "512x512"), _SIZES),
    "odise-768x512": Part((*_BACKBONES, "768x512"), _SIZES),
    "scale": Part(
        ("scale", *_QUICK),
        ("by", "value", "ms", "ratio", "ratio cpu", "first ms", "reading ms", "peak MiB", "segments")
    ),
    "start": Part(
        ("start", "--service"),
        ("what", "python", "import torch", "import model", "load", "warm-up", "all", "cpu"),
    ),
    "threads": Part(
        ("threads",),
        ("way", "threads", "together", "ms/picture", "best ms", "cpu ms", "ratio", "page faults",
         "process MiB"),
    ),
}  # fmt: skip


def figures(name: str, folder: Path) -> str:
    """What stands on the page for one part: machine, command and tables; or that it was not measured."""
    part, file = PARTS[name], folder / f"{name}.json"
    if not file.is_file():
        return f"Not measured yet: `spectrum bench {' '.join(part.words)}`."
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    command = re.sub(r" --json \S+", "", report["command"])
    lines = [f"`{command}` on {told(report)}.", ""]
    lines += markdown(report["rows"], part.columns)
    if part.inner == "stages":
        for row in report["rows"]:
            inner = [{"stage": stage, **found} for stage, found in row.get("stages", {}).items()]
            lines += ["", f"{row['input']}, batch {row['batch']}, one picture:", ""]
            lines += markdown(inner, ("stage", "ms", "GFLOP", "floor ms"))
    elif part.inner and isinstance(report["facts"].get(part.inner), list):
        inner = report["facts"][part.inner]
        lines += ["", *markdown(inner, tuple(inner[0]))]
    return "\n".join(lines)


def told(report: dict[str, Any]) -> str:
    """The machine and the facts of a report, in one line."""
    facts = {**report["machine"], **report["facts"]}
    return "; ".join(
        f"{name}: {value}" for name, value in facts.items() if not isinstance(value, (dict, list))
    )


def markdown(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    """A table of these columns."""
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        yield f"| {' | '.join(cell(row.get(column)) or ' ' for column in columns)} |"


def written(page: str, folder: Path) -> str:
    """The page with every place filled. ValueError for a place of an unknown name."""
    if unknown := set(_PLACE.findall(page)) - set(PARTS):
        raise ValueError(f"there are no figures named {', '.join(sorted(unknown))}")

    def fill(place: re.Match[str]) -> str:
        return f"<!-- figures: {place[1]} -->\n{figures(place[1], folder)}\n{END}"

    return _PLACE.sub(fill, page)


def run_form(name: str, folder: Path) -> None:
    """Run one part into its JSON file. CalledProcessError where the benchmark fails."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "model.benchmark.cli", *PARTS[name].words]
    subprocess.run([*command, "--json", str(folder / f"{name}.json")], check=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and write the page; exit status."""
    p = argparse.ArgumentParser(prog="python -m model.benchmark.page", description=__doc__)
    p.add_argument("--measure", nargs="*", choices=sorted(PARTS), metavar="NAME", help=", ".join(PARTS))
    p.add_argument("--folder", type=Path, default=FOLDER, help="of the JSON files; %(default)s")
    p.add_argument("--page", type=Path, default=PAGE, help="%(default)s")
    options = p.parse_args(argv)
    if options.measure is not None:
        for name in options.measure or PARTS:
            run_form(name, options.folder)
    page = options.page.read_text(encoding="utf-8")
    options.page.write_text(written(page, options.folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
