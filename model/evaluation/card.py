"""The figures of the README and the model card, written from a report: nobody copies numbers by hand.

`make report` measures and then runs this. Between the two marks of each page stands what the report says; a
test holds the pages to the report that is committed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: written by make report -->", "<!-- end of figures -->"
ABLATION = "ablation.md"
Line = tuple[str, str, tuple[str, ...]]

# What is said, the task, and the measures that fill the braces.
LINES: tuple[Line, ...] = (
    ("mIoU of the 20 classes of `ccp19` | **{}** (mAcc {})", "semantic", ("mIoU", "mAcc")),
    (
        "IoU of the labelled person's mask | **{}** (lowest {})",
        "persons",
        ("IoU of the best person", "lowest IoU of the best person"),
    ),
    ("mIoU of six body parts and hair | {}", "parts", ("mIoU of the parts",)),
    (
        "five synonyms never trained | {}, trained wording {}",
        "synonyms",
        ("mIoU, synonyms", "mIoU, trained wording"),
    ),
    (
        "pairs of photos side by side: exactly two persons | {}",
        "composites",
        ("two persons found",),
    ),
    (
        "the same: parts with the right person | {} of the parts found, {} of all parts",
        "composites",
        ("right person, of parts found", "right person, of all parts"),
    ),
    (
        "the same: AP^p_50 | {} ({} with background averaged in)",
        "composites",
        ("AP^p_50", "AP^p_50 with background averaged in"),
    ),
    (
        "made-up groups of two to six: parts with the right person | {} of the parts found, {} of all parts",
        "groups",
        ("right person, of parts found", "right person, of all parts"),
    ),
    (
        "the same: AP^p_50, AP^p_vol | {} ({} with background averaged in), {}",
        "groups",
        ("AP^p_50", "AP^p_50 with background averaged in", "AP^p_vol"),
    ),
    (
        "one person of a half, a third, a quarter of the picture's height: mIoU | {}, {}, {}",
        "distant",
        tuple(f"mIoU, person of 1/{n} of the height" for n in (2, 3, 4)),
    ),
    (
        "garment words never trained, made-up people: mIoU | {}, trained words {}, ratio {}",
        "unseen",
        ("mIoU of unseen words", "mIoU of seen words", "unseen / seen"),
    ),
    (
        "garments that nobody wears: share of their pixels labelled | {}",
        "standalone",
        ("loose pixels labelled",),
    ),
    (
        "pictures without people: no person, no segment | {} of {}",
        "empty",
        ("with no person and no segment", "pictures"),
    ),
)


def number(value: float | None) -> str:
    """A count as it is, a share with three decimals, a dash for what is undefined."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def summary(report: dict[str, Any]) -> list[str]:
    """The table of the main figures: those of LINES whose task was measured."""
    rows = ["| | |", "|---|---|"]
    for says, task, measures in LINES:
        if task in report["tasks"]:
            found = report["tasks"][task]["summary"]
            rows.append(f"| {says.format(*(number(found[m]) for m in measures))} |")
    return rows


def by_row(report: dict[str, Any], task: str, head: str, columns: Sequence[str]) -> list[str]:
    """One task's rows as a table of these columns."""
    rows = [f"| {head} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, values in report["tasks"][task]["rows"].items():
        rows.append(f"| {name} | " + " | ".join(number(values[c]) for c in columns) + " |")
    return rows


def beside(report: dict[str, Any]) -> list[str]:
    """The baselines' main figures beside ours; nothing without baselines."""
    rows: list[str] = []
    for name, tasks in report["baselines"].items():
        for task, measure in (
            ("semantic", "mIoU"),
            ("persons", "IoU of the best person"),
            ("parts", "mIoU of the parts"),
        ):
            if task in tasks:
                ours, theirs = (t[task]["summary"][measure] for t in (report["tasks"], tasks))
                rows.append(f"| {name} | {task}: {measure} | {number(theirs)} | {number(ours)} |")
    return ["| beside | measure | theirs | `mini` |", "|---|---|---|---|", *rows] if rows else []


def told(report: dict[str, Any]) -> str:
    """Which model, with what, on what."""
    subject = report["subject"]
    machine = "; ".join(f"{key}: {value}" for key, value in report["hardware"].items())
    return f"Revision `{subject['revision']}`, split `{subject['split']}`. Measured on {machine}."


def readme(report: dict[str, Any], ablation: str) -> str:  # noqa: ARG001
    """The README's figures."""
    return "\n".join([told(report), "", *summary(report)])


def card(report: dict[str, Any], ablation: str) -> str:
    """The model card's figures: the same, every class, the baselines, the ablation."""
    parts = [told(report), "", *summary(report), ""]
    parts += [*by_row(report, "semantic", "class", ("IoU", "accuracy", "share of pixels")), ""]
    parts += [*by_row(report, "parts", "body part", ("IoU", "accuracy")), ""]
    if rows := beside(report):
        parts += [*rows, ""]
    return "\n".join([*parts, ablation.strip()]).rstrip()


PAGES: dict[str, Callable[[dict[str, Any], str], str]] = {
    "README.md": readme,
    "model/weights/mini/README.md": card,
}


def written(page: str, figures: str) -> str:
    """A page with these figures between its marks. ValueError where the marks are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no place for figures: {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def load(folder: Path) -> tuple[dict[str, Any], str]:
    """A report's numbers and the ablation's table, '' where there is none."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    table = folder / ABLATION
    return report, table.read_text(encoding="utf-8") if table.is_file() else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the figures of a report's folder into the pages below the current one; exit status."""
    p = argparse.ArgumentParser(prog="python -m model.evaluation.card", description=__doc__)
    p.add_argument("report", type=Path, help="folder with report.json")
    report, ablation = load(p.parse_args(argv).report)
    for name, figures in PAGES.items():
        page = Path(name)
        page.write_text(
            written(page.read_text(encoding="utf-8"), figures(report, ablation)), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
