"""The command `spectrum`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.answers import masks
from service.answers.exports import EXPORTS
from service.settings import Settings
from service.telemetry import logs

# What follows these names belongs to programs of the model, which read it themselves.
_FORWARDED = {
    "train": "train a checkpoint (see 'spectrum train --help')",
    "evaluate": "measure a checkpoint (see 'spectrum evaluate --help')",
    "synthesize": "make scenes of people with their truth (see 'spectrum synthesize --help')",
}
_MODEL_BENCHES = ("model", "peers", "scale", "start", "threads")  # the forms of 'bench' that the model brings
_OVERRIDES = ("host", "port", "redis_url", "checkpoint", "device", "workers", "threads", "api_key")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 cannot start."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0] in _FORWARDED:
        return _forward(given[0], given[1:])
    if given[:1] == ["bench"] and given[1:2] != [] and given[1] in _MODEL_BENCHES:
        return _forward("bench", given[1:])
    arguments = _parser().parse_args(given)
    try:
        settings = Settings(**_given(arguments))
    except ValidationError as error:
        return _refuse(_settings_fault(error))
    from service.programs.roles import Refused  # with the web framework behind it, which `--help` needs not

    logs.configure(settings)
    try:
        status: int = arguments.run(arguments, settings)
    except Refused as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    return status


def _refuse(message: str) -> int:
    print(f"spectrum: {message}", file=sys.stderr)
    return 2


def _forward(name: str, rest: list[str]) -> int:
    """Hand over to a program of the model, loaded only now."""
    programs = {"train": _training, "evaluate": _evaluation, "synthesize": _synthesis, "bench": _benchmark}
    try:
        program = programs[name]()
    except ModuleNotFoundError as error:
        return _refuse(f"'{name}' needs the package {error.name}: pip install 'spectrum-parsing[train]'")
    return int(program(rest) or 0)


def _training() -> Callable[[list[str]], int]:
    from model.training.cli import main

    return main


def _evaluation() -> Callable[[list[str]], int]:
    """The evaluation with its own baselines and the one that the training brings."""
    from model.evaluation.baselines.baseline import BASELINES
    from model.evaluation.cli import main
    from model.training.closed.baseline import CLOSED

    return lambda rest: main(rest, baselines={**BASELINES, "closed": CLOSED})


def _benchmark() -> Callable[[list[str]], int]:
    from model.benchmark.cli import main

    return main


def _synthesis() -> Callable[[list[str]], int]:
    from model.data.synthetic.cli import main

    return main


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line names; all else comes from the environment."""
    told = {name: getattr(arguments, name, None) for name in _OVERRIDES}
    return {name: value for name, value in told.items() if value is not None}


def _settings_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    variable = name if name.isupper() else f"SPECTRUM_{name.upper()}"
    field = Settings.model_fields.get(name)
    secret = field is not None and "SecretStr" in str(field.annotation)
    given = "" if secret else f" is {first['input']!r}"
    return f"{variable}{given}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spectrum", description="Human parsing as an HTTP service.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = _command(commands, "serve", _serve, "API, workers and a queue, all in one")
    api = _command(commands, "api", _api, "the API alone; needs REDIS_URL")
    worker = _command(commands, "worker", _worker, "a worker alone; needs REDIS_URL")
    for command in (serve, api):
        command.add_argument("--host", help="address to listen on")
        command.add_argument("--port", type=int, help="port to listen on")
    for command in (serve, api, worker):
        command.add_argument("--redis-url", metavar="URL", help="Redis or Valkey, in place of REDIS_URL")

    parse = _add_parse(commands)
    tag = _add_tag(commands)

    export = _command(commands, "export", _export, "write parsings in the format of another tool")
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
    secret = _command(commands, "webhook-secret", _webhook_secret, told)
    secret.add_argument("id", nargs="?", help="id of the key; absent = callers without a key")
    _command(commands, "settings", _settings, "list every setting and its value")
    for name, text in _FORWARDED.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


def _add_query(command: argparse.ArgumentParser) -> None:
    asked = command.add_mutually_exclusive_group()
    asked.add_argument("--prompt", action="append", dest="prompts", metavar="P", help="may be repeated")
    asked.add_argument("--caption", help="free text, in place of prompts")
    command.add_argument("--body-parts", action="store_true", help="body parts beside the prompts")
    command.add_argument("--min-score", type=_share, default=0.0, metavar="S", help="0 to 1")


def _add_parse(commands: Any) -> argparse.ArgumentParser:
    parse = _command(commands, "parse", _parse, "parse pictures without a server: JSON and an overlay each")
    parse.add_argument("pictures", nargs="+", type=Path, metavar="IMAGE", help="JPEG, PNG or WebP")
    _add_query(parse)
    parse.add_argument("--mask-format", choices=masks.FORMATS, default="rle")
    parse.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="default: out")
    parse.add_argument("--server", metavar="URL", help="a service that parses them, in place of a model here")
    parse.add_argument("--api-key", metavar="KEY", help="for --server, in place of SPECTRUM_API_KEY")
    parse.add_argument("--concurrency", type=_positive, default=8, metavar="N", help="for --server: at once")
    return parse


def _add_bench(commands: Any) -> argparse.ArgumentParser:
    bench = _command(commands, "bench", _bench, "measure the service, or tagging, against the bare model")
    kinds = ["service", "catalogue", *_MODEL_BENCHES]
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
    tag = _command(commands, "tag", _tag, "parse a whole catalogue into Parquet; can be gone on with")
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
    create = _command(group, "create", _create_key, "make a key and show it, this once")
    create.add_argument("name", metavar="NAME", help="whose key it is")
    create.add_argument("--rate", type=_a_minute, metavar="N", help="pictures a minute")
    create.add_argument("--concurrency", type=_positive, metavar="N", help="requests open at once")
    create.add_argument("--daily", type=_positive, metavar="N", help="pictures a day (UTC)")
    create.add_argument("--expires", type=date.fromisoformat, metavar="DATE", help="last day, as 2030-12-31")
    shown = _command(group, "list", _list_keys, "all keys, without what opens")
    revoke = _command(group, "revoke", _revoke_key, "let a key open nothing any more, at once")
    revoke.add_argument("id", metavar="ID", help="as 'list' shows it")
    for command in (create, shown, revoke):
        command.add_argument("--redis-url", metavar="URL", help="Redis or Valkey, in place of REDIS_URL")


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


def _say(text: str) -> None:
    print(text, flush=True)


def _serve(_arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import roles, serve

    roles.trace_as("api", settings)
    return roles.run(serve.run(settings, _say))


def _api(_arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import roles

    roles.trace_as("api", settings)
    return roles.run(roles.run_api(settings))


def _worker(_arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import roles
    from service.worker import process as worker

    roles.trace_as("worker", settings)
    roles.check_checkpoint(settings)
    asyncio.run(roles.reachable(settings))  # told before the slow part
    with roles.telling_checkpoint():
        worker.run_worker(settings)
    return 0


def _parse(arguments: argparse.Namespace, settings: Settings) -> int:
    failed = (_parse_there if arguments.server else _parse_here)(arguments, settings)
    count = len(arguments.pictures)
    _say(f"{count - failed} of {count} pictures parsed into {arguments.out}/")
    return 1 if failed else 0


def _tag(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import tag
    from service.schemas import Options

    options = Options(
        prompts=arguments.prompts,
        caption=arguments.caption,
        body_parts=arguments.body_parts,
        min_score=arguments.min_score,
        mask_format=arguments.mask_format,
        tags=not arguments.no_tags,
    )
    job = tag.Job(
        arguments.source,
        arguments.out,
        options,
        column=arguments.column,
        actors=arguments.actors,
        ray_address=arguments.ray_address,
        overwrite=arguments.overwrite,
        retry_failed=arguments.retry_failed,
    )
    return tag.run(job, settings, _say)


def _parse_there(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import parse_remote

    key = settings.api_key.get_secret_value() if settings.api_key else None
    order = parse_remote.Order(
        arguments.server,
        arguments.pictures,
        arguments.out,
        arguments.prompts,
        arguments.caption,
        arguments.body_parts,
        arguments.min_score,
        arguments.mask_format,
        key,
        arguments.concurrency,
    )
    return parse_remote.run(order, settings)


def _export(arguments: argparse.Namespace, _settings: Settings) -> int:
    from service.programs import export

    target = export.run(arguments.format, arguments.parsings, arguments.out)
    _say(f"{len(arguments.parsings)} parsings exported to {target}")
    return 0


def _parse_here(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import parse_files, roles

    parser = roles.load(settings)
    from model.parser import Query

    query = Query(
        prompts=None if arguments.prompts is None else tuple(arguments.prompts),
        caption=arguments.caption,
        body_parts=arguments.body_parts,
        min_score=arguments.min_score,
    )
    order = parse_files.Order(arguments.pictures, arguments.out, query, arguments.mask_format)
    return parse_files.run(order, parser, settings)


def _bench(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import bench, bench_catalogue

    if arguments.what == "catalogue":
        order = bench_catalogue.Plan(
            arguments.pictures,
            arguments.count,
            arguments.kill,
            arguments.actors,
            arguments.json,
            arguments.tags,
        )
        return bench_catalogue.run(order, settings, _say)
    if len(arguments.pictures) != 1:
        return _refuse("'bench service' takes one folder of pictures.")
    plan = bench.Plan(arguments.pictures[0], arguments.count, arguments.clients, arguments.json)
    return bench.run(plan, settings, _say)


def _create_key(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.delivery.quotas import Limits
    from service.programs import keys

    limits = Limits(arguments.rate, arguments.concurrency, arguments.daily)
    return keys.create(keys.Wanted(arguments.name, limits, arguments.expires), settings, _say)


def _list_keys(_arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import keys

    return keys.show(settings, _say)


def _revoke_key(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import keys

    return keys.revoke(arguments.id, settings, _say)


def _webhook_secret(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import webhook_secret

    return webhook_secret.show(arguments.id, settings, _say)


def _add_dead_letters(commands: Any) -> None:
    text = "list, show, retry and drop jobs that could not be parsed; needs REDIS_URL"
    group = commands.add_parser("dead-letters", help=text, description=text).add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    actions = {
        "list": _command(group, "list", _dead_letters, "all of them, the last one first"),
        "show": _command(group, "show", _dead_letters, "one of them: its failure and what was asked"),
        "retry": _command(group, "retry", _dead_letters, "send them again, as new jobs"),
        "drop": _command(group, "drop", _dead_letters, "delete them with their pictures"),
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


def _dead_letters(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs import dead_letters

    order = dead_letters.Order(
        arguments.action,
        tuple(getattr(arguments, "ids", ())),
        every=getattr(arguments, "all", False),
        as_json=arguments.json,
        image=getattr(arguments, "image", None),
    )
    return asyncio.run(dead_letters.run(order, settings, _say))


def _settings(_arguments: argparse.Namespace, settings: Settings) -> int:
    from service.programs.roles import without_password

    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        variable = "REDIS_URL" if name == "redis_url" else f"SPECTRUM_{name.upper()}"
        shown = without_password(value) if name == "redis_url" and value else value
        print(f"{variable:32} {'' if shown is None else shown!s:24} {field.description}")
    return 0
