"""The door: pictures and queries in, parsings out. The only module of this package that the service knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model import checkpoint
from model.checkpoint import CheckpointError
from model.cpus import fitting, keep_primitives
from model.network.config import SpectrumConfig
from model.network.entering import enter, input_size
from model.network.spectrum import Output, Spectrum
from model.network.towers import TextTower
from model.parsing import Color, Parsing, Person, Query, Segment
from model.precision import AUTO, chosen
from model.questions import Question, Questions
from model.reading.closer import Window, windows
from model.reading.enlarge import Frame
from model.reading.mirror import with_mirrored
from model.reading.postprocess import Answer, answered, read
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds

__all__ = [
    "CheckpointError",
    "Color",
    "Forwarded",
    "Parser",
    "Parsing",
    "Person",
    "Query",
    "Segment",
    "cores",
    "gpus",
    "revision",
]

DEFAULT_CHECKPOINT = Path(__file__).parent / "weights" / "mini"
LANES = 2  # calls at once that Python's own share of a call leaves room for; more are for more processes


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A picture behind the network and not read yet; it keeps alive what the network said of its whole batch.

    closer: parts of the picture that were looked at again. timings_ms: 'preprocess' and 'forward', each
    picture's share of its batch. share: calls that the processor is divided among.
    """

    image: NDArray[np.uint8]
    question: Question
    min_score: float
    looks: tuple[Output, ...]
    index: int
    timings_ms: dict[str, float]
    share: int
    closer: tuple[tuple[Window, tuple[Output, ...]], ...] = ()


class Parser:
    """A loaded network that answers queries about pictures. Stateless but for its cache of questions.

    Any number of threads may call it; the same picture and query give the same answer, whatever shares the
    batch. On a GPU one forward pass runs at a time, and a picture may be read beside the next pass.
    """

    def __init__(
        self,
        network: Spectrum,
        text: TextTower,
        *,
        closer: Spectrum | None = None,
        revision: str = "unsaved",
        device: str = "auto",
        precision: str = "float32",
        thresholds: Thresholds | None = None,
    ) -> None:
        """closer: what closer looks are read with, `network` where it is None. precision: one of
        `model.precision.PRECISIONS`; CheckpointError for one that the device has not.

        The networks are the parser's from now on: their weights are turned to that precision.
        """
        self.device = torch.device(_device(device))
        try:
            self._dtype = chosen(precision, self.device)
        except ValueError as error:
            raise CheckpointError(str(error)) from error
        self.network = self._prepared(network)
        self.closer = self.network if closer is None else self._prepared(closer)
        self.config: SpectrumConfig = network.config
        self.name = network.config.name
        self.revision = revision
        self.thresholds = thresholds or Thresholds()
        self.threads = torch.get_num_threads()
        self._questions = Questions(
            text, self.device, gloss=self.config.text.gloss, calibration=self.config.calibration
        )
        cuda = self.device.type == "cuda"
        self._one = threading.Lock() if cuda else nullcontext()
        self._beside = torch.cuda.Stream(self.device) if cuda else None

    @classmethod
    def load(
        cls,
        path: str | Path = DEFAULT_CHECKPOINT,
        *,
        device: str = "auto",
        precision: str = AUTO,
        threads: int | None = None,
    ) -> Parser:
        """Load a checkpoint folder. CheckpointError (a ValueError) when it is missing or broken.

        device: 'auto' (CUDA if there is one), 'cpu', 'cuda', 'cuda:1'. precision: 'auto' (what the device
        is built for), 'float32', 'bfloat16', 'float16'. threads: of the CPU, None for as many as there are
        cores, or as the container's quota is good for.
        """
        keep_primitives()
        torch.set_num_threads(threads or fitting(torch.get_num_threads()))
        folder = Path(path)
        network = checkpoint.load(folder, serving=True)
        return cls(
            network,
            checkpoint.load_text(folder),
            closer=checkpoint.load_closer(folder, network),
            revision=checkpoint.revision(folder),
            device=device,
            precision=precision,
        )

    def cost(self, width: int, height: int) -> int:
        """Pixels that a picture of this size takes on the device."""
        tall, wide = self.input_size(width, height)
        return tall * wide

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """(height, width) at which a picture of this size enters the network (`model.network.entering`)."""
        return input_size(self.config, width, height)

    @property
    def precision(self) -> str:
        """The type of the network's products: 'float32', 'bfloat16' or 'float16'."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def lanes(self) -> int:
        """Calls of `forward` that are worth running at once.

        On a CPU the cores are more than one call can fill: much of a small network runs on one of them only.
        A GPU takes one call after the other.
        """
        return min(self.threads, LANES) if self.device.type == "cpu" else 1

    def parse(self, images: Sequence[NDArray[np.uint8]], queries: Sequence[Query]) -> list[Parsing]:
        """One parsing for each picture (H, W, 3) RGB, at the picture's own size.

        Pictures that enter the network at one size share a forward pass. ValueError for a picture of another
        shape or type, for lists of different lengths, and for a query without a word.
        """
        answers: dict[int, Parsing] = {}
        for members, group in self._forwarded(images, queries, share=1):
            answers.update(zip(members, map(self.read, group), strict=True))
        return [answers[i] for i in range(len(images))]

    def forward(
        self, images: Sequence[NDArray[np.uint8]], queries: Sequence[Query], share: int = 1
    ) -> list[Forwarded]:
        """The first half of `parse`, with the same errors: what `read` makes a parsing of, for each picture.

        share: calls that the processor is divided among, this one counted.
        """
        found: dict[int, Forwarded] = {}
        for members, group in self._forwarded(images, queries, share=share):
            found.update(zip(members, group, strict=True))
        return [found[i] for i in range(len(images))]

    @torch.inference_mode()
    def read(self, forwarded: Forwarded) -> Parsing:
        """The second half of `parse`, for one picture; in any thread."""
        self._take(forwarded.share)
        began = time.perf_counter()
        # In a stream of its own on a GPU, so that what waits for it waits for no later forward pass.
        with nullcontext() if self._beside is None else torch.cuda.stream(self._beside):
            looks, closer = self._all_looks(forwarded)
            parsing = read(
                looks,
                forwarded.image,
                thresholds=self.thresholds,
                min_score=forwarded.min_score,
                phrases=forwarded.question.own,
                closer=closer,
                # Fitted on lists of a caller's own words: among dozens of synonyms no word is likely.
                existence=self.config.existence if forwarded.question.own else None,
            )
        spent = {**forwarded.timings_ms, "postprocess": (time.perf_counter() - began) * 1000}
        return replace(parsing, timings_ms={k: round(v, 2) for k, v in spent.items()})

    @torch.inference_mode()
    def answer(self, forwarded: Forwarded) -> Answer | None:
        """What `read` makes its parse of, for who fits how it does so; None where there is nobody."""
        looks, closer = self._all_looks(forwarded)
        height, width = forwarded.image.shape[:2]
        frame = Frame.within((height, width), self.thresholds.working_pixels)
        return answered(looks, frame, self.thresholds, closer=closer)

    def warm_up(self) -> None:
        """Run one picture, so that the first caller does not pay for lazy initialisation."""
        side = self.config.short_side
        self.parse([np.zeros((side * 3 // 2, side, 3), np.uint8)], [Query()])

    def _forwarded(
        self, images: Sequence[NDArray[np.uint8]], queries: Sequence[Query], *, share: int
    ) -> Iterator[tuple[list[int], list[Forwarded]]]:
        """Positions of the pictures that enter the network at one size, and what it says of them."""
        if len(images) != len(queries):
            raise ValueError(f"{len(images)} pictures and {len(queries)} queries")
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
                raise ValueError(f"a picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        began = time.perf_counter()
        self._take(share)
        questions = [self._questions.of(query) for query in queries]
        groups: dict[tuple[int, int], list[int]] = {}
        for i, image in enumerate(images):
            groups.setdefault(self.input_size(image.shape[1], image.shape[0]), []).append(i)
        for size, members in groups.items():
            asked = [(images[i], questions[i], queries[i].min_score) for i in members]
            yield members, self._forward_group(asked, size, share, began)
            began = time.perf_counter()

    @torch.inference_mode()
    def _forward_group(
        self,
        asked: Sequence[tuple[NDArray[np.uint8], Question, float]],
        size: tuple[int, int],
        share: int,
        began: float,
    ) -> list[Forwarded]:
        pixels = torch.cat([enter(image, size) for image, _, _ in asked])
        found = []
        with self._one:
            prepared = time.perf_counter()
            looks = self._look(pixels, self.network)
            self._settle()
            part = 1000 / len(asked)
            spent = {
                "preprocess": (prepared - began) * part,
                "forward": (time.perf_counter() - prepared) * part,
            }
            for i, (image, question, min_score) in enumerate(asked):
                began = time.perf_counter()
                closer = self._closer(image, question, looks, i) if self.config.closer_side else ()
                self._settle()
                own = {**spent, "forward": spent["forward"] + (time.perf_counter() - began) * 1000}
                found.append(Forwarded(image, question, min_score, looks, i, own, share, closer))
        return found

    def _prepared(self, network: Spectrum) -> Spectrum:
        """A network on the parser's device and at its precision; what two of them share is turned once."""
        placed: Spectrum = network.eval().to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self._dtype != torch.float32:
            rounded = placed.lower_backbone if self.device.type == "cuda" else placed.round_products
            rounded(self._dtype)
        return placed

    def _take(self, share: int) -> None:
        """Let this thread have its share of the processor; PyTorch keeps the number for each thread."""
        fair = max(1, self.threads // share)
        if torch.get_num_threads() != fair:
            torch.set_num_threads(fair)

    def _rounded(self) -> AbstractContextManager[object]:
        """Where a CPU computes in bfloat16, this does; on a GPU the backbone itself is of its type."""
        if self.device.type == "cuda" or self._dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self._dtype)

    def _settle(self) -> None:
        """Wait for a GPU, so that the forward pass is told apart from the reading."""
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()

    def _closer(
        self, image: NDArray[np.uint8], question: Question, looks: tuple[Output, ...], index: int
    ) -> tuple[tuple[Window, tuple[Output, ...]], ...]:
        """Looks at several people, or at a small one, one after the other: hardly two are of one size."""
        found = []
        for window in windows(self._readout(self.network, looks[0], index, question), self.thresholds):
            part = image[window.within((image.shape[0], image.shape[1]))]
            size = input_size(self.config, part.shape[1], part.shape[0], self.config.closer_side)
            found.append((window, self._look(enter(part, size), self.closer)))
        return tuple(found)

    def _look(self, pixels: Tensor, network: Spectrum) -> tuple[Output, ...]:
        entered = pixels.to(self.device).contiguous(memory_format=torch.channels_last)
        with self._rounded():
            return tuple(out.last() for out in network.looks(entered))

    def _looks(self, network: Spectrum, looks: tuple[Output, ...], index: int, question: Question) -> Readout:
        first, *second = (self._readout(network, out, index, question) for out in looks)
        return with_mirrored(first, *second) if second else first

    def _all_looks(self, forwarded: Forwarded) -> tuple[Readout, list[tuple[Window, Readout]]]:
        question = forwarded.question
        closer = [
            (window, self._looks(self.closer, looks, 0, question)) for window, looks in forwarded.closer
        ]
        return self._looks(self.network, forwarded.looks, forwarded.index, question), closer

    def _readout(self, network: Spectrum, out: Output, index: int, question: Question) -> Readout:
        grounding = network.grounding
        prompts = grounding.text(question.text)
        labels = grounding.logits(out.z[-1][index], prompts).float().softmax(-1)
        return Readout(
            masks=out.masks[-1][index],
            labels=labels,
            dense=grounding.maps(out.pixels[index], prompts).float().softmax(0),
            terms=question.asked.terms,
            person=question.asked.person,
            finer=question.finer,
            factors=question.factors,
        )


def revision(path: str | Path = DEFAULT_CHECKPOINT) -> str:
    """The revision of a checkpoint's folder, which is not loaded. CheckpointError where it is missing."""
    try:
        return checkpoint.revision(Path(path))
    except OSError as error:
        raise CheckpointError(f"the checkpoint at {path} cannot be read: {error}") from error


def cores() -> int:
    """CPU threads that this process is good for."""
    return fitting(torch.get_num_threads())


def gpus() -> int:
    """CUDA devices that this process sees."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _device(name: str) -> str:
    """The device of this name; CheckpointError where it is not there, as for any model that cannot load."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise CheckpointError(f"there is no device {name!r} here: {str(error).splitlines()[0]}") from error
    return name
