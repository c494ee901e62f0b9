"""The door: pictures and queries in, parsings out. The only module of this package that the service knows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model import checkpoint
from model.checkpoint import CheckpointError
from model.cpus import fitting
from model.network.config import SpectrumConfig
from model.network.spectrum import Output, Spectrum
from model.network.towers import TextTower
from model.parsing import Color, Parsing, Person, Query, Segment
from model.questions import Question, Questions
from model.reading.mirror import with_mirrored
from model.reading.postprocess import read
from model.reading.readout import Readout
from model.reading.thresholds import Thresholds

__all__ = [
    "CheckpointError",
    "Color",
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


class Parser:
    """A loaded network that answers queries about pictures. Stateless but for its cache of questions.

    One thread at a time; the same picture and query give the same answer, whatever shares the batch.
    """

    def __init__(
        self,
        network: Spectrum,
        text: TextTower,
        *,
        revision: str = "unsaved",
        device: str = "auto",
        thresholds: Thresholds | None = None,
    ) -> None:
        self.device = torch.device(_device(device))
        self.network = network.eval().to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.device.type == "cuda":  # where half precision is what the card is built for
            self.network.lower_backbone(torch.float16)
        self.config: SpectrumConfig = network.config
        self.name = network.config.name
        self.revision = revision
        self.thresholds = thresholds or Thresholds()
        self._questions = Questions(text, self.device, gloss=self.config.text.gloss)

    @classmethod
    def load(
        cls, path: str | Path = DEFAULT_CHECKPOINT, *, device: str = "auto", threads: int | None = None
    ) -> Parser:
        """Load a checkpoint folder. CheckpointError (a ValueError) when it is missing or broken.

        device: 'auto' (CUDA if there is one), 'cpu', 'cuda', 'cuda:1'. threads: of the CPU, None for
        as many as there are cores, or as the container's quota is good for.
        """
        torch.set_num_threads(threads or fitting(torch.get_num_threads()))
        folder = Path(path)
        network = checkpoint.load(folder, serving=True)
        return cls(network, checkpoint.load_text(folder), revision=checkpoint.revision(folder), device=device)

    def cost(self, width: int, height: int) -> int:
        """Pixels that a picture of this size takes on the device."""
        tall, wide = self.input_size(width, height)
        return tall * wide

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """(height, width) at which a picture of this size enters the network.

        The short side becomes `config.short_side` unless the long one would pass `config.max_long_side`; both
        are rounded to `config.multiple`. Pictures are stretched to that by a few percent, never padded:
        padding would reach every mask through the attention.
        """
        c = self.config
        scale = min(c.short_side / min(width, height), c.max_long_side / max(width, height))
        tall, wide = (
            max(c.multiple, round(side * scale / c.multiple) * c.multiple) for side in (height, width)
        )
        return tall, wide

    def parse(self, images: Sequence[NDArray[np.uint8]], queries: Sequence[Query]) -> list[Parsing]:
        """One parsing for each picture (H, W, 3) RGB, at the picture's own size.

        Pictures that enter the network at one size share a forward pass. ValueError for a picture of another
        shape or type, for lists of different lengths, and for a query without a word.
        """
        if len(images) != len(queries):
            raise ValueError(f"{len(images)} pictures and {len(queries)} queries")
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
                raise ValueError(f"a picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        questions = [self._questions.of(query) for query in queries]
        groups: dict[tuple[int, int], list[int]] = {}
        for i, image in enumerate(images):
            groups.setdefault(self.input_size(image.shape[1], image.shape[0]), []).append(i)
        answers: dict[int, Parsing] = {}
        for size, members in groups.items():
            asked = [(questions[i], queries[i].min_score) for i in members]
            parsed = self._parse_group([images[i] for i in members], asked, size)
            answers.update(zip(members, parsed, strict=True))
        return [answers[i] for i in range(len(images))]

    def warm_up(self) -> None:
        """Run one picture, so that the first caller does not pay for lazy initialisation."""
        side = self.config.short_side
        self.parse([np.zeros((side * 3 // 2, side, 3), np.uint8)], [Query()])

    @torch.inference_mode()
    def _parse_group(
        self, images: list[NDArray[np.uint8]], asked: list[tuple[Question, float]], size: tuple[int, int]
    ) -> list[Parsing]:
        started = time.perf_counter()
        pixels = torch.cat([self._enter(image, size) for image in images])
        pixels = pixels.to(self.device).contiguous(memory_format=torch.channels_last)
        prepared = time.perf_counter()
        out = self.network(pixels)
        mirrored = self.network(pixels.flip(-1)) if self.config.mirrored else None
        self._settle()
        forwarded = time.perf_counter()
        share = 1000 / len(images)
        timings = {"preprocess": (prepared - started) * share, "forward": (forwarded - prepared) * share}
        answers = []
        # One readout at a time: each holds a map for every term.
        for i, (image, (question, min_score)) in enumerate(zip(images, asked, strict=True)):
            began = time.perf_counter()
            parsing = read(
                self._looks(out, mirrored, i, question),
                image,
                thresholds=self.thresholds,
                min_score=min_score,
                phrases=question.own,
            )
            timings = {**timings, "postprocess": (time.perf_counter() - began) * 1000}
            answers.append(replace(parsing, timings_ms={k: round(v, 2) for k, v in timings.items()}))
        return answers

    def _settle(self) -> None:
        """Wait for a GPU, so that the forward pass is told apart from the reading."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _enter(self, image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
        """(H, W, 3) uint8 -> (1, 3, *size) in 0..1, antialiased."""
        own = np.require(image, requirements=["C", "W"])  # PyTorch takes no array that it could not write to
        pixels = torch.from_numpy(own).permute(2, 0, 1)[None]
        resized = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
        return resized.float() / 255

    def _looks(self, out: Output, mirrored: Output | None, index: int, question: Question) -> Readout:
        first = self._readout(out, index, question)
        return first if mirrored is None else with_mirrored(first, self._readout(mirrored, index, question))

    def _readout(self, out: Output, index: int, question: Question) -> Readout:
        grounding = self.network.grounding
        prompts = grounding.text(question.text)
        labels = grounding.logits(out.z[-1][index], prompts).float().softmax(-1)
        return Readout(
            masks=out.masks[-1][index].float(),
            labels=labels,
            dense=grounding.maps(out.pixels[index], prompts).float().softmax(0),
            terms=question.asked.terms,
            person=question.asked.person,
            finer=question.finer,
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
