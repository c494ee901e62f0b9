"""The pictures through a pool of actors on Ray Data: blocks of addresses in, rows of answers out."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pyarrow as pa

from service.catalogue.ending import Ending
from service.catalogue.order import Order
from service.catalogue.pool import FlowFailed, Pool
from service.catalogue.tagger import Tagger

# A traceback's last line: the class, with or without its module, and what it says.
_RAISED = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception)(?:: |$)")
_AT_ONCE = 2  # blocks in hand of an actor: one computes, one is read and decoded


def flow(todo: pa.Table, order: Order, pool: Pool, ending: Ending) -> Iterator[pa.Table]:
    """The rows (`tagger.SENT`) of each block of `todo` as it comes, in no order, until all are there or
    `ending` was asked for and nobody has any in hand.

    FlowFailed where an actor cannot be started, or fails for another reason than its pictures.
    """
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    blocks = [todo.slice(at, pool.block).combine_chunks() for at in range(0, len(todo), pool.block)]
    actors = min(pool.size(), len(blocks))
    answers = ray.data.from_blocks(blocks).map_batches(
        Tagger,
        fn_constructor_args=(order,),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            size=actors,
            max_concurrent_calls_per_actor=_AT_ONCE,
            max_tasks_in_flight_per_actor=2 * _AT_ONCE,
            enable_true_multi_threading=True,
        ),
        num_cpus=1,
        num_gpus=1 if pool.gpu else None,
    )
    try:
        for came in answers.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            if len(found := ending.without_ends(came)):
                yield found
            if ending.reached(actors) or (ending.signal is not None and pool.address is not None):
                return  # the nodes of a cluster need not see the file that tells them
    except ray.exceptions.RayError as error:
        raise FlowFailed(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """What an actor raised, in one line; what Ray itself has to say where there is no such thing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line)]
    return "an actor failed: " + (raised or lines or [type(error).__name__])[-1][:300]
