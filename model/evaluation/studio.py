"""Scenes drawn ahead of need in processes of their own, since drawing one takes longer than parsing it."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

from model.evaluation.scenes import LabelledScene, MakesScenes, Shot

OpenMaker = Callable[[], MakesScenes]

_maker: list[MakesScenes] = []
"""The maker of this process, once it is open."""


def taken(shots: Sequence[Shot], open_maker: OpenMaker, workers: int) -> Iterator[LabelledScene]:
    """The shots' scenes, in order. With workers, open_maker is sent to them and must survive pickling.

    A scene is a function of its seed, so that workers change nothing but the time.
    """
    if workers < 1:
        maker = open_maker()
        yield from (shot.taken(maker) for shot in shots)
        return
    # Spawned, not forked: a fork of a process whose PyTorch has threads may hang.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=_open, initargs=(open_maker,)) as pool:
        yield from _in_order(pool, shots, ahead=4 * workers)


def _in_order(pool: ProcessPoolExecutor, shots: Sequence[Shot], ahead: int) -> Iterator[LabelledScene]:
    """Never more than `ahead` scenes are drawn and not yet taken."""
    waiting: deque[Future[LabelledScene]] = deque()
    try:
        for shot in shots:
            waiting.append(pool.submit(_take, shot))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _open(open_maker: OpenMaker) -> None:
    _maker[:] = [open_maker()]


def _take(shot: Shot) -> LabelledScene:
    return shot.taken(_maker[0])
