"""The actor: one loaded model that blocks of addresses go through. What it does to a picture, workers do."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from time import perf_counter
from typing import Any

import pyarrow as pa

from service import errors, images
from service.answers import overlay
from service.catalogue import reading, rows
from service.catalogue.order import Order
from service.worker.batching import Budget, choose
from service.worker.craft import Craft, Picture, as_query, craft_of
from service.worker.memory import keep_freed

log = logging.getLogger(__name__)

AHEAD = 64_000_000  # pixels of one block that may lie decoded at once (192 MB)
_DRAWN_HEIGHT = 360
# Behind a table's own columns: who sent it, and how many blocks that actor had in hand besides.
SENT = rows.SENT.append(pa.field("actor", pa.string())).append(pa.field("busy", pa.int32()))


Row = dict[str, Any]
# Of one picture: the answer's JSON and perhaps a drawing, or why there is none.
Outcome = tuple[Row, bytes | None] | errors.SpectrumError


@dataclass(slots=True)
class _Piece:
    """A picture of a block, decoded; `index` is its place there."""

    index: int
    sha256: str
    image: Picture
    cost: int
    decode_ms: float


class Tagger:
    """Holds the model; called by several threads at once, so that one block is read and decoded while
    another computes.

    ValueError where the checkpoint that lies here is not the one that the run was begun with.
    """

    def __init__(self, order: Order) -> None:
        from model.parser import Parser

        self.order, self.settings = order, order.own_settings()
        keep_freed()
        parser = Parser.load(
            order.checkpoint,
            device=self.settings.device,
            precision=self.settings.precision,
            threads=order.threads,
        )
        if parser.revision != order.revision:
            raise ValueError(
                f"the checkpoint is {parser.revision} on this machine, {order.revision} was asked"
            )
        self.craft: Craft = craft_of(parser, self.settings)
        self.query = as_query(order.options)
        self.budget = Budget(self.settings.batch_pixels, self.settings.batch_size)
        self.name = f"{os.uname().nodename}-{os.getpid()}"
        self.threads = ThreadPoolExecutor(self.settings.decode_threads, "picture")
        self.device, self.counting, self.busy = threading.Lock(), threading.Lock(), 0
        parser.warm_up()

    def __call__(self, block: pa.Table) -> pa.Table:
        """A block of `source.SCHEMA` -> a block of `SENT`: one line of no picture if the run is to stop."""
        if os.path.exists(self.order.stop):
            return self._table([{"picture": ""}])
        with self._counted():
            found = self._block(block.to_pylist())
        return self._table(found)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self.counting:
            self.busy += 1
        try:
            yield
        finally:
            with self.counting:
                self.busy -= 1

    def _table(self, found: Sequence[Row]) -> pa.Table:
        told = {"actor": self.name, "busy": self.busy}
        return pa.Table.from_pylist([row | told for row in found], schema=SENT)

    def _block(self, block: list[dict[str, str]]) -> list[Row]:
        outcomes: dict[int, Outcome] = {}
        for pieces in self._decoded(reading.read([row["picture"] for row in block], self.settings), outcomes):
            while pieces:
                taken = choose([piece.cost for piece in pieces], self.budget)
                batch = [pieces[i] for i in taken]
                pieces = [piece for i, piece in enumerate(pieces) if i not in taken]
                for piece, reading_ in self._parsed(batch):
                    drawn = int(piece.sha256[:8], 16) % self.order.sampled == 0
                    outcomes[piece.index] = self._rendered(piece, reading_, drawn=drawn)
        at = datetime.now(UTC)
        return [
            rows.failed(row["picture"], row["listed_as"], outcome, at)
            if isinstance(outcome := outcomes[index], errors.SpectrumError)
            else rows.answered(row["picture"], row["listed_as"], outcome[0], at, outcome[1])
            for index, row in enumerate(block)
        ]

    def _decoded(self, data: Sequence[reading.Read], outcomes: dict[int, Outcome]) -> Iterator[list[_Piece]]:
        """The block's pictures, as many at a time as may lie decoded, equal sizes side by side; what is none
        goes into `outcomes`."""
        limits = images.Limits.of(self.settings)
        for group in _groups([_pixels(found, limits) for found in data], AHEAD):
            pieces = []
            decoded = self.threads.map(self._decode, group, [data[i] for i in group])
            for index, piece in zip(group, decoded, strict=True):
                if isinstance(piece, _Piece):
                    pieces.append(piece)
                else:
                    outcomes[index] = piece
            yield sorted(pieces, key=lambda piece: (piece.cost, piece.image.shape))

    def _decode(self, index: int, data: reading.Read) -> _Piece | errors.SpectrumError:
        if isinstance(data, errors.SpectrumError):
            return data
        start = perf_counter()
        try:
            image = self.craft.decode(data)
        except errors.SpectrumError as error:
            return error
        cost = self.craft.cost(image.shape[1], image.shape[0])
        digest = hashlib.sha256(data).hexdigest()
        return _Piece(index, digest, image, cost, 1000 * (perf_counter() - start))

    def _parsed(self, batch: list[_Piece]) -> list[tuple[_Piece, Any]]:
        """Each picture's reading, or the exception that it raised: one by one where the batch fails."""
        try:
            with self.device:
                forwarded = self.craft.forward([piece.image for piece in batch], [self.query] * len(batch), 1)
                readings = [self.craft.reading(found) for found in forwarded]
            return list(zip(batch, readings, strict=True))
        except Exception as error:
            if "CUDA error" in str(error):  # every further call would fail: the run ends, to be gone on with
                raise
            if len(batch) == 1:
                log.exception("the model raised")
                return [(batch[0], error)]
        return [outcome for piece in batch for outcome in self._parsed([piece])]

    def _rendered(self, piece: _Piece, found: Any, *, drawn: bool) -> Outcome:
        if isinstance(found, Exception):
            return errors.ParseFailed("The model could not parse this picture.")
        request = {**self.order.options, "image": {"sha256": piece.sha256}}
        timings = {"decode": piece.decode_ms}
        answer = self.craft.render(found, request, id=piece.sha256[:32], timings_ms=timings)
        return answer, _drawing(piece.image, found.parsing) if drawn and answer["segments"] else None


def _drawing(image: Picture, parsing: overlay.Parsing) -> bytes:
    packed = BytesIO()
    overlay.draw(image, parsing, height=_DRAWN_HEIGHT).save(packed, "JPEG", quality=80)
    return packed.getvalue()


def _pixels(data: reading.Read, limits: images.Limits) -> int:
    """Pixels of a picture by its header; none of what will not be decoded."""
    if isinstance(data, errors.SpectrumError):
        return 0
    try:
        header = images.inspect(data, limits)
    except errors.SpectrumError:
        return 0
    return header.width * header.height


def _groups(sizes: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Positions in order, in groups of at most `limit` together, or of one that is over it by itself."""
    group: list[int] = []
    total = 0
    for index, size in enumerate(sizes):
        if group and total + size > limit:
            yield group
            group, total = [], 0
        group.append(index)
        total += size
    if group:
        yield group
