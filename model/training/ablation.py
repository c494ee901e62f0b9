"""`python -m model.training.ablation`: what each part of the method is worth, all rows trained alike.

The network ablated is the paper's: the tower's own maps do not reach the pyramid, and VAE, UNet and
IM2CONTEXT stay as the stages before left them. Every row trains the same number of steps from the same seed,
on the same photos, and is measured on `val` through the parser that serves.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.evaluation import cli as evaluation

TEXTURE, PLAIN = "texture", "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: which backbone it reads, what it leaves out or sets, and what that is called."""

    says: str
    backbone: str = TEXTURE
    options: tuple[str, ...] = ()
    synthetic: bool = True


ROWS: dict[str, Row] = {
    "full": Row("the whole method"),
    "plain": Row("no texture stage: plain diffusion features, no caption", PLAIN, ("--without", "context")),
    "no-context": Row("without C", options=("--without", "context")),
    "no-grounding": Row("without L_G", options=("--without", "grounding")),
    "no-unet": Row("without the UNet", options=("--without", "unet")),
    "no-synthetic": Row("without synthetic scenes", synthetic=False),
    "k5": Row("K = 5", options=("--phrases", "5")),
    "t100": Row("t = 100", options=("--timestep", "100")),
}
COLUMNS = {
    "mIoU": ("semantic", "mIoU"),
    "mAcc": ("semantic", "mAcc"),
    "person IoU": ("persons", "IoU of the best person"),
    "body parts": ("parts", "mIoU of the parts"),
}


def add_options(p: argparse.ArgumentParser) -> None:
    """The options of the command."""
    p.add_argument("--data", type=Path, required=True, help="prepared CCP")
    p.add_argument("--tower", required=True, help="checkpoint whose vision tower every row reads, frozen")
    p.add_argument("--texture", required=True, help="checkpoint of the texture stage")
    p.add_argument("--denoiser", required=True, help="checkpoint of the denoiser stage")
    p.add_argument("--synthetic", required=True, help="folder of `spectrum synthesize`")
    p.add_argument("--tagged", help="photos labelled within their tags")
    p.add_argument("--out", type=Path, default=Path("runs/ablation"))
    p.add_argument("--rows", default=",".join(ROWS), help="comma-separated; all by default: %(default)s")
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--height", type=int, default=192)
    p.add_argument("--seed", type=int, default=11)
    p.add_argument("--threads", type=int, default=1)


def training_command(row: Row, args: argparse.Namespace, folder: Path) -> list[str]:
    """The arguments of `spectrum train` for a row."""
    backbone = f"{args.texture}:i2tx,im2context,conditioning"
    if row.backbone == PLAIN:
        backbone = f"{args.denoiser}:i2tx"
    made = ("--synthetic", args.synthetic, "--synthetic-share", "0.5") if row.synthetic else ()
    tagged = ("--tagged", args.tagged) if args.tagged else ()
    # The diffusion sees the small picture whole: that is the size at which its own stages saw people.
    size = ("--height", str(args.height), "--short-side", str(args.height), "--scale", "1.0")
    rates = ("--rate", "1e-3", "--warmup", "40", "--ema", "0.98", "--batch", "8")
    return [
        *("--stage", "parsing", "--data", str(args.data), "--out", str(folder), "--steps", str(args.steps)),
        *("--seed", str(args.seed), "--threads", str(args.threads), "--freeze", "--without", "tower-maps"),
        *("--validate-every", str(args.steps + 1), "--init", f"{args.tower}:tower", "--init", backbone),
        *(*size, *rates, *made, *tagged, *row.options),
    ]


def measuring_command(args: argparse.Namespace, folder: Path) -> list[str]:
    """The arguments of `spectrum evaluate` for a row."""
    return [
        *("--data", str(args.data), "--checkpoint", str(folder / "checkpoint"), "--out", str(folder)),
        *("--tasks", "semantic,persons,parts", "--threads", str(args.threads), "--quiet"),
    ]


def main(argv: list[str] | None = None) -> int:
    """Train and measure what is not yet; write the table. Exit status."""
    from model.training import cli as training

    p = argparse.ArgumentParser(prog="python -m model.training.ablation", description=__doc__)
    add_options(p)
    args = p.parse_args(argv)
    names = [name for name in args.rows.split(",") if name]
    if unknown := [name for name in names if name not in ROWS]:
        p.error(f"no row {unknown[0]!r}; there are {', '.join(ROWS)}")
    for name in names:
        folder = args.out / f"{name}.{args.seed}"
        if (folder / "report.json").is_file():
            continue
        status = training.main(training_command(ROWS[name], args, folder))
        if status or evaluation.main(measuring_command(args, folder)):
            return 1
        (args.out / "table.md").write_text(table(args.out, args.steps), encoding="utf-8")
    return 0


def table(out: Path, steps: int) -> str:
    """The Markdown table of all rows and seeds that have been measured."""
    lines = [
        f"| trained alike, {steps} steps | seed | " + " | ".join(COLUMNS) + " |",
        "|---" * (2 + len(COLUMNS)) + "|",
    ]
    for name, row in ROWS.items():
        for folder in sorted(out.glob(f"{name}.*")):
            if (folder / "report.json").is_file():
                found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
                cells = " | ".join(f"{value:.3f}" for value in figures(found))
                lines.append(f"| {row.says} | {folder.suffix[1:]} | {cells} |")
    return "\n".join(lines) + "\n"


def figures(report: dict[str, Any]) -> list[float]:
    """The columns' values of a `report.json`."""
    return [float(report["tasks"][task]["summary"][name]) for task, name in COLUMNS.values()]


if __name__ == "__main__":
    raise SystemExit(main())
