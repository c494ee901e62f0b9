"""`spectrum bench model|peers|scale|start|threads`: what the network costs here, beside what others would."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model.benchmark.report import Report
from model.precision import AUTO, PRECISIONS

Size = tuple[int, int]


def arguments() -> argparse.ArgumentParser:
    """The command's forms and their options."""
    parser = argparse.ArgumentParser(prog="spectrum bench", description=__doc__)
    forms = parser.add_subparsers(dest="form", required=True, metavar="FORM")
    model = _form(forms, "model", "milliseconds of every stage, memory, and the distance to the floor")
    model.add_argument("--batch", type=_numbers, help="pictures at once, with commas: 1,2,4,8,16,32")
    model.add_argument("--size", type=_sizes, help="input sizes, WIDTHxHEIGHT with commas: 256x384,512x512")
    model.add_argument("--count", action="store_true", help="count operations only; nothing is computed")
    peers = _form(forms, "peers", "the same pictures through other segmenters of real size, random weights")
    peers.add_argument("--side", type=int, default=384, help="side of the square pictures; %(default)s")
    peers.add_argument("--size", type=_sizes, help="or their size, WIDTHxHEIGHT: 384x576")
    peers.add_argument(
        "--prompts", type=int, default=20, help="prompts for those that take words; %(default)s"
    )
    peers.add_argument(
        "--only",
        type=lambda text: text.split(","),
        help="some of them, with commas: also those of 7 GB and more",
    )
    peers.add_argument("--count", action="store_true", help="count operations only; nothing is computed")
    scale = _form(forms, "scale", "time and memory by picture size, number of prompts and of people")
    scale.add_argument("--prompts", type=_numbers, default=(1, 20, 64, 200, 1000), help="1,20,64,200,1000")
    scale.add_argument("--people", type=_numbers, default=(1, 4, 16), help="1,4,16")
    scale.add_argument("--megapixels", type=_numbers, default=(1, 4, 12, 40), help="1,4,12,40")
    threads = _form(forms, "threads", "how many threads, how they wait, and who keeps the memory")
    threads.add_argument("--rounds", type=int, default=15, help="turns of each way; %(default)s by default")
    start = _form(forms, "start", "seconds from a process's start until it could answer")
    start.add_argument("--times", type=int, default=3, help="processes started; %(default)s")
    start.add_argument(
        "--service", action="store_true", help="a whole 'spectrum serve' too, until it is ready"
    )
    return parser


def _form(forms: Any, name: str, text: str) -> argparse.ArgumentParser:
    form: argparse.ArgumentParser = forms.add_parser(name, help=text, description=text)
    add = form.add_argument
    add("--preset", choices=("mini", "full"), default="mini", help="which network; %(default)s by default")
    add("--checkpoint", type=Path, metavar="DIR", help="its weights; 'full' has random ones without")
    add("--pictures", type=Path, metavar="DIR", help="photos to measure with; smooth noise without")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--precision", choices=PRECISIONS, default=AUTO, help="of the forms model and scale; %(default)s")
    add("--threads", type=int, metavar="N", help="CPU threads")
    add("--runs", type=int, default=7, help="how often each call is timed; %(default)s by default")
    add("--seconds", type=float, default=20.0, help="seconds after which fewer runs will do; %(default)s")
    add("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return form


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 2 with a message for what the caller can mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = arguments().parse_args(words)
    options.command = shlex.join(["spectrum", "bench", *words])
    try:
        report = _forms()[options.form](options)
    except ValueError as error:
        sys.stderr.write(f"spectrum bench: {error}\n")
        return 2
    sys.stdout.write(report.text())
    report.write(options.json)
    return 0


def _forms() -> dict[str, Callable[[argparse.Namespace], Report]]:
    """Each form's program, loaded when it is asked for."""
    from model.benchmark import programs

    return {
        "model": programs.bench_model,
        "peers": programs.bench_peers,
        "scale": programs.bench_scale,
        "start": programs.bench_start,
        "threads": programs.bench_threads,
    }


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text} has a number below 1")
    return numbers


def _sizes(text: str) -> tuple[Size, ...]:
    """'256x384,512x512' -> ((384, 256), (512, 512)), height before width."""
    try:
        pairs = [part.lower().split("x") for part in text.split(",")]
        return tuple((int(height), int(width)) for width, height in pairs)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no list of WIDTHxHEIGHT") from error


if __name__ == "__main__":
    sys.exit(main())
