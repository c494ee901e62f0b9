"""`spectrum evaluate`: measure a checkpoint on a dataset, through the door that serves."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from model.data.ccp import CcpDataset
from model.data.formats.item import Photos
from model.data.formats.registry import DATASETS, open_dataset
from model.evaluation.baselines.baseline import BASELINES, Baseline
from model.evaluation.feeding import Parses
from model.evaluation.gallery import Gallery
from model.evaluation.hardware import cores, hardware
from model.evaluation.labelled import evaluate_labelled
from model.evaluation.plan import DEFAULT_TASKS, GENERATED_TASKS, TASKS, Plan
from model.evaluation.report import Report
from model.evaluation.result import Result
from model.evaluation.run import OpenMaker, check_generator, evaluate, synthetic
from model.evaluation.vocabularies import VOCABULARIES, vocabulary

EMPTY = Path("tests/data/empty")
OpenParser = Callable[[argparse.Namespace], Parses]


def arguments(baselines: Mapping[str, Baseline] = BASELINES) -> argparse.ArgumentParser:
    """The command's options, those of the baselines among them."""
    parser = argparse.ArgumentParser(prog="spectrum evaluate", description=__doc__)
    add = parser.add_argument
    add("--dataset", choices=tuple(DATASETS), default="ccp", help="layout of --data; %(default)s by default")
    add("--data", type=Path, help="the dataset; of ccp otherwise $SPECTRUM_CCP or ../shared/data/ccp")
    add("--split", default="val")
    add("--vocabulary", choices=sorted(VOCABULARIES), default="ccp19")
    add("--checkpoint", type=Path, help="folder of a checkpoint; otherwise the shipped one")
    add("--tasks", help=f"some of {','.join(TASKS)}; {','.join(DEFAULT_TASKS)} by default")
    add("--all", action="store_true", help="every task, and every baseline that can be opened")
    add("--limit", type=int, help="only the first so many photos, and at most so many other pictures")
    add("--composites", type=int, default=100, help="how many composites; %(default)s by default")
    add("--groups", type=int, default=200, help="scenes of two to six people; %(default)s by default")
    add("--unseen", type=int, default=100, help="scenes of garments never trained; %(default)s by default")
    add("--standalone", type=int, default=50, help="scenes with loose garments; %(default)s by default")
    add("--empty", type=Path, default=EMPTY, help="pictures without people; %(default)s by default")
    add("--batch", type=int, default=1, help="pictures parsed at once; %(default)s by default")
    add("--seed", type=int, default=0, help="which photos make composites; %(default)s by default")
    add(
        "--workers", type=int, default=cores(), help="processes that draw scenes; as many as cores by default"
    )
    add("--device", default="auto", help="cpu, cuda or auto")
    add("--threads", type=int, help="CPU threads")
    add("--baseline", action="append", default=[], choices=sorted(baselines), help="measured too; repeatable")
    for baseline in baselines.values():
        baseline.add_options(parser)
    add("--out", type=Path, help="folder for report.json, report.md and pictures")
    add("--examples", type=int, default=6, help="best and worst photos to draw; %(default)s each by default")
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
    argv: Sequence[str] | None = None,
    *,
    open_parser: OpenParser = load,
    open_maker: OpenMaker = synthetic,
    baselines: Mapping[str, Baseline] = BASELINES,
) -> int:
    """Evaluate and print; 0, or 2 with a message for what the caller can mend.

    open_parser, open_maker: what is measured, and what draws scenes. baselines: those that can be named.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    options = arguments(baselines).parse_args(words)
    if options.dataset != "ccp":
        return on_another_dataset(options, words, open_parser)
    try:
        plan = planned(options)
        parser = open_parser(options)
        if open_maker is synthetic and set(plan.tasks) & set(GENERATED_TASKS):
            check_generator()
        others = opened(options, baselines)
    except ValueError as error:
        sys.stderr.write(f"spectrum evaluate: {error}\n")
        return 2
    gallery = Gallery(plan.vocabulary, options.examples) if options.out and options.examples > 0 else None
    started = time.monotonic()
    beside = [gallery] if gallery else []
    results = evaluate(parser, plan, quiet=options.quiet, open_maker=open_maker, beside=beside)
    answered = {b.name: compared(b, other, plan, options.quiet, open_maker) for b, other in others}
    took = f"{time.monotonic() - started:.0f} s"
    report = Report(
        subject(parser, plan, options),
        tuple(results),
        hardware=_machine(parser) | {"took": took},
        command=shlex.join(["spectrum", "evaluate", *words]),
        baselines=answered,
        remarks=tuple(baseline.remark for baseline, _ in others if baseline.remark),
    )
    sys.stdout.write(report.text())
    if options.out is not None:
        written = report.write(options.out, gallery)
        sys.stdout.write("".join(f"\nwrote {path}" for path in written) + "\n")
    return 0


def _machine(parser: Parses) -> dict[str, str]:
    """What is measured on; a parser that is none of ours has no precision to tell."""
    precision = getattr(parser, "precision", None)
    told = hardware(str(getattr(parser, "device", "cpu")))
    return told if precision is None else told | {"precision": str(precision)}


def on_another_dataset(options: argparse.Namespace, words: list[str], open_parser: OpenParser) -> int:
    """Measure on a dataset in a release's own layout: its own words, and its people."""
    try:
        photos = another_dataset(options)
        parser = open_parser(options)
        started = time.monotonic()
        results = evaluate_labelled(
            parser, photos, limit=options.limit, batch=options.batch, quiet=options.quiet
        )
    except ValueError as error:
        sys.stderr.write(f"spectrum evaluate: {error}\n")
        return 2
    named: dict[str, str | int] = {"model": parser.name, "revision": parser.revision}
    named |= {"dataset": options.dataset, "split": options.split}
    report = Report(
        named | ({"first photos": options.limit} if options.limit else {}),
        tuple(results),
        hardware=_machine(parser) | {"took": f"{time.monotonic() - started:.0f} s"},
        command=shlex.join(["spectrum", "evaluate", *words]),
    )
    sys.stdout.write(report.text())
    if options.out is not None:
        written = report.write(options.out, None)
        sys.stdout.write("".join(f"\nwrote {path}" for path in written) + "\n")
    return 0


def another_dataset(options: argparse.Namespace) -> Photos:
    """The split's photos; ValueError for options that are CCP's alone."""
    if options.data is None:
        raise ValueError(f"--dataset {options.dataset} needs --data DIR")
    if options.all or options.tasks or options.baseline:
        raise ValueError("--all, --tasks and --baseline are for ccp; other datasets have tasks of their own")
    if options.limit is not None and options.limit < 1:
        raise ValueError(f"limit must be at least 1, not {options.limit}")
    return open_dataset(options.dataset, options.data, options.split)


def planned(options: argparse.Namespace) -> Plan:
    """The plan of these options; ValueError for what cannot be run."""
    named = DEFAULT_TASKS if options.tasks is None else tuple(filter(None, options.tasks.split(",")))
    return Plan(
        dataset=CcpDataset(data_root(options.data, os.environ, Path.cwd()), options.split),
        vocabulary=vocabulary(options.vocabulary),
        tasks=TASKS if options.all else named,
        limit=options.limit,
        composites=options.composites,
        groups=options.groups,
        unseen=options.unseen,
        standalone=options.standalone,
        empty=options.empty,
        workers=options.workers,
        batch=options.batch,
        seed=options.seed,
    )


def opened(options: argparse.Namespace, baselines: Mapping[str, Baseline]) -> list[tuple[Baseline, Parses]]:
    """The baselines asked for; with `--all` also those that can be opened, the others are told of."""
    found = []
    for name, baseline in baselines.items():
        if name in options.baseline:
            found.append((baseline, baseline.open(options)))
        elif options.all:
            try:
                found.append((baseline, baseline.open(options)))
            except ValueError as error:
                sys.stderr.write(f"spectrum evaluate: left out: {error}\n")
    return found


def compared(
    baseline: Baseline, parser: Parses, plan: Plan, quiet: bool, open_maker: OpenMaker
) -> tuple[Result, ...]:
    """Those of the plan's tasks that are fair to a baseline, answered by it."""
    tasks = tuple(task for task in plan.tasks if task in baseline.tasks)
    return tuple(evaluate(parser, replace(plan, tasks=tasks), quiet=quiet, open_maker=open_maker))


def subject(parser: Parses, plan: Plan, options: argparse.Namespace) -> dict[str, str | int]:
    """What was measured, and on what."""
    named: dict[str, str | int] = {"model": parser.name, "revision": parser.revision}
    named |= {"dataset": options.dataset, "split": options.split, "vocabulary": plan.vocabulary.name}
    if plan.limit is not None:
        named["first photos"] = plan.limit
    return named


if __name__ == "__main__":
    sys.exit(main())
