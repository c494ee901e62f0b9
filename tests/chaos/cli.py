"""`python -m tests.chaos`: requests of every kind while workers and the broker are killed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.havoc import Violence
from tests.chaos.run import Order, run

_SHOWN = 40  # violations on the screen; the JSON has all


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print a table and JSON; 0 where the contract held."""
    given = _parser().parse_args(argv)
    real = given.real_model is not None
    order = Order(
        requests=given.real_model if real else given.requests,
        seconds=given.seconds,
        seed=given.seed,
        clients=given.clients,
        violence=Violence(max(given.kill_every, 20.0) if real else given.kill_every),
        workers=2 if real else 3,
        fsync=given.fsync,
        real=real,
    )
    figures = asyncio.run(run(order))
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(table(figures))
    return 1 if figures["violations"] else 0


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines.append(f"{name}")
            lines += [f"  {key:<38}{_plain(item)}" for key, item in value.items()]
        elif isinstance(value, list) and name in ("violations", "lost_unsynced"):
            lines.append(f"{name:<40}{len(value)}")
            lines += [f"  {item}" for item in value[:_SHOWN]]
        else:
            lines.append(f"{name:<40}{_plain(value)}")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return json.dumps(value).replace('"', "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=540.0, help="the traffic's longest time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=24, help="callers at once")
    parser.add_argument("--kill-every", type=float, default=3.0, metavar="SECONDS", help="a worker, about")
    parser.add_argument(
        "--fsync", choices=["always", "everysec"], default="always", help="of the broker's AOF"
    )
    parser.add_argument(
        "--real-model", type=int, metavar="N", help="N requests with the shipped model instead"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
