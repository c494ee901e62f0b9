"""`spectrum evaluate`: measure a checkpoint on a dataset, through the door that serves."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from model.data.ccp import CcpDataset
from model.evaluation.feeding import Parses
from model.evaluation.plan import DEFAULT_TASKS, TASKS, Plan
from model.evaluation.report import Report
from model.evaluation.run import evaluate
from model.evaluation.vocabularies import VOCABULARIES, vocabulary

EMPTY = Path("tests/data/empty")


def arguments() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="spectrum evaluate", description=__doc__)
    add = parser.add_argument
    add("--dataset", choices=("ccp",), default="ccp")
    add("--data", type=Path, help="prepared dataset; otherwise $SPECTRUM_CCP, otherwise ../shared/data/ccp")
    add("--split", default="val")
    add("--vocabulary", choices=sorted(VOCABULARIES), default="ccp19")
    add("--checkpoint", type=Path, help="folder of a checkpoint; otherwise the shipped one")
    add(
        "--tasks",
        default=",".join(DEFAULT_TASKS),
        help=f"comma-separated, of {', '.join(TASKS)}; %(default)s",
    )
    add("--limit", type=int, help="only the first so many photos")
    add("--composites", type=int, default=100, help="how many composites; %(default)s by default")
    add(
        "--groups", type=int, default=200, help="how many scenes of two to six people; %(default)s by default"
    )
    add("--unseen", type=int, default=100, help="how many scenes of garments never trained; %(default)s")
    add("--standalone", type=int, default=50, help="how many scenes with loose garments; %(default)s")
    add("--meshes", type=Path, help="garment meshes for generated scenes; otherwise beside the dataset")
    add("--empty", type=Path, default=EMPTY, help="pictures without people; %(default)s by default")
    add("--batch", type=int, default=1, help="pictures parsed at once; %(default)s by default")
    add("--seed", type=int, default=0, help="which photos make composites; %(default)s by default")
    add("--device", default="auto", help="cpu, cuda or auto")
    add("--threads", type=int, help="CPU threads")
    add("--out", type=Path, help="folder for report.json and report.md")
    add("--quiet", action="store_true", help="no progress bars")
    return parser


def data_root(given: Path | None, environ: Mapping[str, str], here: Path) -> Path:
    """The prepared dataset: given, else $SPECTRUM_CCP, else ../shared/data/ccp. ValueError when none is."""
    if given is not None:
        return given
    if named := environ.get("SPECTRUM_CCP"):
        return Path(named)
    beside = here / ".." / "shared" / "data" / "ccp"
    if beside.is_dir():
        return beside
    raise ValueError(
        "no dataset: name a prepared CCP with --data or SPECTRUM_CCP (see model.data.ccp_convert)"
    )


def load(options: argparse.Namespace) -> Parses:
    """The parser that serves. Imported late, since it brings torch."""
    from model.parser import DEFAULT_CHECKPOINT, Parser

    return Parser.load(
        options.checkpoint or DEFAULT_CHECKPOINT, device=options.device, threads=options.threads
    )


def main(
    argv: Sequence[str] | None = None, *, open_parser: Callable[[argparse.Namespace], Parses] = load
) -> int:
    """Evaluate and print; 0, or 2 with a message for what the caller can mend."""
    options = arguments().parse_args(argv)
    try:
        plan = Plan(
            dataset=CcpDataset(data_root(options.data, os.environ, Path.cwd()), options.split),
            vocabulary=vocabulary(options.vocabulary),
            tasks=tuple(filter(None, options.tasks.split(","))),
            limit=options.limit,
            composites=options.composites,
            empty=options.empty,
            batch=options.batch,
            seed=options.seed,
        )
        parser = open_parser(options)
    except ValueError as error:
        sys.stderr.write(f"spectrum evaluate: {error}\n")
        return 2
    results = evaluate(parser, plan, quiet=options.quiet)
    subject: dict[str, str | int] = {"model": parser.name, "revision": parser.revision}
    subject |= {"dataset": options.dataset, "split": options.split, "vocabulary": plan.vocabulary.name}
    if plan.limit is not None:
        subject["first photos"] = plan.limit
    report = Report(subject, tuple(results))
    sys.stdout.write(report.text())
    if options.out is not None:
        sys.stdout.write("".join(f"\nwrote {path}" for path in report.write(options.out)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
