"""The command line of `spectrum`, as it is read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from service.answers import masks
from service.answers.exports import EXPORTS
from service.commands import runs
from service.settings import Settings

# What follows these names belongs to programs of the model, which read it themselves.
FORWARDED = {
    "train": "train a checkpoint (see 'spectrum train --help')",
    "evaluate": "measure a checkpoint (see 'spectrum evaluate --help')",
    "synthesize": "make scenes of people with their truth (see 'spectrum synthesize --help')",
}
MODEL_BENCHES = ("model", "peers", "scale", "start", "threads")  # the forms of 'bench' that the model brings


def parser() -> argparse.ArgumentParser:
    """The whole command line; what it reads has a `run` that carries the command out."""
    top = argparse.ArgumentParser(prog="spectrum", description="Human parsing as an HTTP service.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = _command(commands, "serve", runs.serve, "API, workers and a queue, all in one")
    api = _command(commands, "api", runs.api, "the API alone; needs REDIS_URL")
    worker = _command(commands, "worker", runs.worker, "a worker alone; needs REDIS_URL")
    for command in (serve, api):
        command.add_argument("--host", help="address to listen on")
        command.add_argument("--port", type=int, help="port to listen on")
    for command in (serve, api, worker):
        command.add_argument("--redis-url", metavar="URL", help="Redis or Valkey, in place of REDIS_URL")

    parse = _add_parse(commands)
    tag = _add_tag(commands)

    export = _command(commands, "export", runs.export, "write parsings in the format of another tool")
    export.add_argument("parsings", nargs="+", type=Path, metavar="PARSING.json")
    export.add_argument("--format", choices=list(EXPORTS), required=True)
    export.add_argument("--out", type=Path, metavar="FILE", help="default: named as the format")

    bench = _add_bench(commands)
    for command in (serve, bench):
        command.add_argument("--workers", type=_positive, metavar="N", help="models at once (default: 1)")

    _add_keys(commands)
    for command in (serve, worker, parse, tag, bench):
        command.add_argument("--checkpoint", type=Path, metavar="DIR", help="in place of the shipped one")
        command.add_argument("--device", help="auto, cpu, cuda or cuda:N")
        command.add_argument("--threads", type=_positive, metavar="N", help="CPU threads of the model")

    _add_dead_letters(commands)
    told = "the secret that a key's callbacks are signed with"
    secret = _command(commands, "webhook-secret", runs.webhook_secret, told)
    secret.add_argument("id", nargs="?", help="id of the key; absent = callers without a key")
    _command(commands, "settings", runs.list_settings, "list every setting and its value")
    for name, text in FORWARDED.items():
        commands.add_parser(name, help=text, add_help=False)
    return top


def _add_query(command: argparse.ArgumentParser) -> None:
    asked = command.add_mutually_exclusive_group()
    asked.add_argument("--prompt", action="append", dest="prompts", metavar="P", help="may be repeated")
    asked.add_argument("--caption", help="free text, in place of prompts")
    command.add_argument("--body-parts", action="store_true", help="body parts beside the prompts")
    command.add_argument("--min-score", type=_share, default=0.0, metavar="S", help="0 to 1")


def _add_parse(commands: Any) -> argparse.ArgumentParser:
    parse = _command(
        commands, "parse", runs.parse, "parse pictures without a server: JSON and an overlay each"
    )
    parse.add_argument("pictures", nargs="+", type=Path, metavar="IMAGE", help="JPEG, PNG or WebP")
    _add_query(parse)
    parse.add_argument("--mask-format", choices=masks.FORMATS, default="rle")
    parse.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="default: out")
    parse.add_argument("--server", metavar="URL", help="a service that parses them, in place of a model here")
    parse.add_argument("--api-key", metavar="KEY", help="for --server, in place of SPECTRUM_API_KEY")
    parse.add_argument("--concurrency", type=_positive, default=8, metavar="N", help="for --server: at once")
    return parse


def _add_bench(commands: Any) -> argparse.ArgumentParser:
    bench = _command(commands, "bench", runs.bench, "measure the service, or tagging, against the bare model")
    kinds = ["service", "catalogue", *MODEL_BENCHES]
    bench.add_argument("what", choices=kinds, help="those after catalogue have a --help of their own")
    bench.add_argument("--pictures", type=Path, nargs="+", metavar="DIR", required=True, help="photos")
    bench.add_argument("--count", type=_positive, default=200, help="pictures to take (default: 200)")
    bench.add_argument("--clients", type=_positive, default=8, help="clients at once (default: 8)")
    bench.add_argument("--kill", choices=("term", "kill", "none"), default="kill", help="catalogue: half-way")
    bench.add_argument("--actors", type=_positive, metavar="N", help="catalogue: models at once")
    bench.add_argument("--tags", action="store_true", help="catalogue: with tags, unlike the bare model")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return bench


def _add_tag(commands: Any) -> argparse.ArgumentParser:
    tag = _command(commands, "tag", runs.tag, "parse a whole catalogue into Parquet; can be gone on with")
    tag.add_argument("source", help="a folder, a 'pattern*.jpg', a table (.csv, .tsv, .parquet), s3://...")
    tag.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the catalogue is kept")
    tag.add_argument("--column", metavar="NAME", help="the table's column of paths or URLs")
    _add_query(tag)
    tag.add_argument("--mask-format", choices=("rle", "none"), default="rle")
    tag.add_argument("--no-tags", action="store_true", help="without categories, patterns and lengths")
    tag.add_argument("--actors", type=_positive, metavar="N", help="models at once; default: GPUs or cores")
    tag.add_argument("--ray-address", metavar="ADDRESS", help="a Ray cluster, in place of a Ray of our own")
    tag.add_argument("--retry-failed", action="store_true", help="try pictures again that failed before")
    tag.add_argument("--overwrite", action="store_true", help="begin anew: the catalogue in DIR is deleted")
    return tag


def _add_keys(commands: Any) -> None:
    text = "make, list and revoke API keys, in Redis or in SPECTRUM_KEYS_FILE"
    group = commands.add_parser("keys", help=text, description=text).add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    create = _command(group, "create", runs.create_key, "make a key and show it, this once")
    create.add_argument("name", metavar="NAME", help="whose key it is")
    create.add_argument("--rate", type=_a_minute, metavar="N", help="pictures a minute")
    create.add_argument("--concurrency", type=_positive, metavar="N", help="requests open at once")
    create.add_argument("--daily", type=_positive, metavar="N", help="pictures a day (UTC)")
    create.add_argument("--expires", type=date.fromisoformat, metavar="DATE", help="last day, as 2030-12-31")
    shown = _command(group, "list", runs.list_keys, "all keys, without what opens")
    revoke = _command(group, "revoke", runs.revoke_key, "let a key open nothing any more, at once")
    revoke.add_argument("id", metavar="ID", help="as 'list' shows it")
    for command in (create, shown, revoke):
        command.add_argument("--redis-url", metavar="URL", help="Redis or Valkey, in place of REDIS_URL")


def _add_dead_letters(commands: Any) -> None:
    text = "list, show, retry and drop jobs that could not be parsed; needs REDIS_URL"
    group = commands.add_parser("dead-letters", help=text, description=text).add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    actions = {
        "list": _command(group, "list", runs.dead_letters, "all of them, the last one first"),
        "show": _command(group, "show", runs.dead_letters, "one of them: its failure and what was asked"),
        "retry": _command(group, "retry", runs.dead_letters, "send them again, as new jobs"),
        "drop": _command(group, "drop", runs.dead_letters, "delete them with their pictures"),
    }
    actions["show"].add_argument("ids", nargs=1, metavar="ID")
    actions["show"].add_argument("--image", type=Path, metavar="FILE", help="write its picture there")
    for name in ("retry", "drop"):
        which = actions[name].add_mutually_exclusive_group(required=True)
        which.add_argument("ids", nargs="*", default=[], metavar="ID")
        which.add_argument("--all", action="store_true", help="every one of them")
    for action in actions.values():
        action.add_argument("--json", action="store_true", help="as JSON")
        action.add_argument("--redis-url", metavar="URL", help="Redis or Valkey, in place of REDIS_URL")


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace, Settings], int], text: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _a_minute(text: str) -> int:
    return _positive(text.removesuffix("/min"))


def _share(text: str) -> float:
    share = float(text)
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} lies outside 0..1")
    return share
