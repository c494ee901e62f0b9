"""`spectrum tag`: a catalogue of pictures -> Parquet and a page of numbers, and on from there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from service.errors import SpectrumError
from service.programs import roles
from service.programs.roles import Refused
from service.schemas import Options
from service.settings import Settings
from service.web import intake

if TYPE_CHECKING:
    import pyarrow as pa

    from service.catalogue.parts import Parts
    from service.catalogue.pool import Pool
    from service.catalogue.source import Listing


@dataclass(frozen=True, slots=True)
class Job:
    """What to tag, what to ask of it, and where it goes; `actors` None for as many as there are devices."""

    source: str
    out: Path
    options: Options
    column: str | None = None
    actors: int | None = None
    ray_address: str | None = None
    overwrite: bool = False
    retry_failed: bool = False


@dataclass(slots=True)
class Run:
    """What became of a run: pictures done and failed in it, seconds at work, the signal that ended it.

    `first` pictures had come after `first_seconds`: until then Ray and the models were starting.
    """

    pictures: int = 0
    failed: int = 0
    seconds: float = 0.0
    first: int = 0
    first_seconds: float = 0.0
    signal: int | None = None


def run(job: Job, settings: Settings, say: Callable[[str], None]) -> int:
    """Tag what is not tagged yet; returns 0, or 1 where pictures failed, or 128 and the signal's number.

    Refused where the source, the query, the folder or Ray is not as it should be.
    """
    for name in ("fsspec", "pyarrow", "ray"):
        if find_spec(name) is None:
            what = "pip install 'spectrum-parsing[catalogue]', or in a clone '.[catalogue]'"
            raise Refused(f"'tag' needs the package {name}: {what}")
    from service.catalogue.parts import CatalogueRefused
    from service.catalogue.pool import FlowFailed
    from service.catalogue.source import SourceUnreadable

    try:
        intake.check(job.options, settings)
        return _run(job, settings, say)
    except SpectrumError as error:
        raise Refused(error.detail) from error
    except (SourceUnreadable, CatalogueRefused, FlowFailed) as error:
        raise Refused(str(error)) from error


def _run(job: Job, settings: Settings, say: Callable[[str], None]) -> int:
    from service.catalogue import page, source
    from service.catalogue.order import asked
    from service.catalogue.parts import Parts

    listing = source.pictures(job.source, job.column)
    roles.check_checkpoint(settings)
    revision = _revision(settings)
    question = asked(revision, job.options)
    parts = Parts(job.out)
    with parts.opened(question, overwrite=job.overwrite):
        if job.retry_failed and (again := parts.forget_failed()):
            say(f"{again} pictures that failed are tried again")
        todo, done = _left(listing, parts)
        say(_told(listing, done))
        began = _work(job, settings, revision, parts, todo, done) if len(todo) else Run()
        counted = page.write(parts, question)
    if began.pictures:
        rate = began.pictures / began.seconds
        say(f"{began.pictures} pictures in {began.seconds:.1f} s, {rate:.2f} a second, {began.failed} failed")
    if began.signal is not None and began.pictures < len(todo):
        say(f"{len(todo) - began.pictures} pictures are left: the same command goes on with them")
        return 128 + began.signal
    say(
        f"{counted.pictures} pictures in {job.out}/, {counted.failed} without an answer: see its summary.html"
    )
    return 1 if counted.failed else 0


def _revision(settings: Settings) -> str:
    from model.parser import revision

    with roles.telling_checkpoint():
        return revision(settings.checkpoint_path)


def _left(listing: Listing, parts: Parts) -> tuple[pa.Table, int]:
    """(the pictures that have no row yet, how many of the listed have one)."""
    import pyarrow.compute as pc

    known = pc.is_in(listing.table["picture"], value_set=parts.done().combine_chunks())
    left = listing.table.filter(pc.invert(known))
    return left, len(listing.table) - len(left)


def _told(listing: Listing, done: int) -> str:
    further = {
        "are done already": done,
        "are listed again": listing.repeated,
        "cells are empty": listing.empty,
    }
    return ", ".join(
        [f"{len(listing.table)} pictures", *(f"{count} {what}" for what, count in further.items() if count)]
    )


def _work(job: Job, settings: Settings, revision: str, parts: Parts, todo: pa.Table, done: int) -> Run:
    from tqdm import tqdm

    from service.catalogue.ending import Ending
    from service.catalogue.flow import flow
    from service.catalogue.keeping import Keeper
    from service.catalogue.order import Order
    from service.catalogue.pool import ray_for

    actors, threads = pool(job, settings)
    settings = settings.model_copy(update={"device": "cuda" if actors.gpu else "cpu"})
    order = Order.of(
        settings, job.options, revision=revision, threads=threads, stop=parts.stop, pictures=len(todo)
    )
    keeper = Keeper(parts, settings.catalogue_part_seconds, settings.catalogue_part_rows)
    ending, result, start = Ending(parts.stop), Run(), perf_counter()
    bar = tqdm(total=done + len(todo), initial=done, unit="picture", disable=None, file=sys.stderr)
    with ray_for(actors), ending.by_signals(), bar:
        try:
            for came in flow(todo, order, actors, ending):
                if not keeper.pictures:
                    result.first, result.first_seconds = len(came), perf_counter() - start
                keeper.add(came)
                bar.set_postfix(failed=keeper.failed, refresh=False)
                bar.update(len(came))
        finally:
            keeper.keep()
    result.pictures, result.failed = keeper.pictures, keeper.failed
    result.seconds, result.signal = perf_counter() - start, ending.signal
    parts.record(asdict(result))
    return result


def pool(job: Job, settings: Settings) -> tuple[Pool, int]:
    """The actors, and the CPU threads of each: one for each GPU, or for each core."""
    from model.parser import cores, gpus
    from service.catalogue.pool import Pool

    if settings.device.startswith("cuda:"):
        raise Refused("'tag' takes cuda alone: CUDA_VISIBLE_DEVICES says which GPUs.")
    here = gpus() if settings.device in ("auto", "cuda") else 0
    gpu = here > 0 or settings.device == "cuda"
    if gpu and not here and job.ray_address is None:
        raise Refused("there is no GPU here.")
    actors = job.actors
    if actors is None and job.ray_address is None:
        actors = here if gpu else cores()
    memory, block = settings.catalogue_store_bytes, 2 * settings.batch_size
    threads = settings.threads or max(1, cores() // (actors or cores()))
    return Pool(actors, gpu, job.ray_address, memory, block), threads
