"""What each command runs; returns the exit status. What a command needs is loaded with it."""

from __future__ import annotations

import argparse
import asyncio

from service.settings import Settings


def serve(_arguments: argparse.Namespace, settings: Settings) -> int:
    """API, workers and a queue."""
    from service.programs import roles, serve

    roles.trace_as("api", settings)
    return roles.run(serve.run(settings, _say))


def api(_arguments: argparse.Namespace, settings: Settings) -> int:
    """The API alone."""
    from service.programs import roles

    roles.trace_as("api", settings)
    return roles.run(roles.run_api(settings))


def worker(_arguments: argparse.Namespace, settings: Settings) -> int:
    """A worker alone."""
    from service.programs import roles
    from service.worker import process as worker

    roles.trace_as("worker", settings)
    roles.check_checkpoint(settings)
    asyncio.run(roles.reachable(settings))  # told before the slow part
    with roles.telling_checkpoint():
        worker.run_worker(settings)
    return 0


def parse(arguments: argparse.Namespace, settings: Settings) -> int:
    """Pictures, here or by a server; 1 where one failed."""
    failed = (_parse_there if arguments.server else _parse_here)(arguments, settings)
    count = len(arguments.pictures)
    _say(f"{count - failed} of {count} pictures parsed into {arguments.out}/")
    return 1 if failed else 0


def tag(arguments: argparse.Namespace, settings: Settings) -> int:
    """A whole catalogue."""
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


def export(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Parsings in the format of another tool."""
    from service.programs import export

    target = export.run(arguments.format, arguments.parsings, arguments.out)
    _say(f"{len(arguments.parsings)} parsings exported to {target}")
    return 0


def bench(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure the service, or tagging. Refused for folders that the form does not take."""
    from service.programs import bench, bench_catalogue, roles

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
        raise roles.Refused("'bench service' takes one folder of pictures.")
    plan = bench.Plan(arguments.pictures[0], arguments.count, arguments.clients, arguments.json)
    return bench.run(plan, settings, _say)


def create_key(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a key."""
    from service.delivery.quotas import Limits
    from service.programs import keys

    limits = Limits(arguments.rate, arguments.concurrency, arguments.daily)
    return keys.create(keys.Wanted(arguments.name, limits, arguments.expires), settings, _say)


def list_keys(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Show all keys."""
    from service.programs import keys

    return keys.show(settings, _say)


def revoke_key(arguments: argparse.Namespace, settings: Settings) -> int:
    """Let a key open nothing any more."""
    from service.programs import keys

    return keys.revoke(arguments.id, settings, _say)


def webhook_secret(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show what callbacks are signed with."""
    from service.programs import webhook_secret

    return webhook_secret.show(arguments.id, settings, _say)


def dead_letters(arguments: argparse.Namespace, settings: Settings) -> int:
    """List, show, retry or drop."""
    from service.programs import dead_letters

    order = dead_letters.Order(
        arguments.action,
        tuple(getattr(arguments, "ids", ())),
        every=getattr(arguments, "all", False),
        as_json=arguments.json,
        image=getattr(arguments, "image", None),
    )
    return asyncio.run(dead_letters.run(order, settings, _say))


def list_settings(_arguments: argparse.Namespace, settings: Settings) -> int:
    """List every setting and its value."""
    from service.programs.roles import without_password

    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        variable = "REDIS_URL" if name == "redis_url" else f"SPECTRUM_{name.upper()}"
        shown = without_password(value) if name == "redis_url" and value else value
        print(f"{variable:32} {'' if shown is None else shown!s:24} {field.description}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
