"""`spectrum bench model`: where a picture's time goes, stage by stage, and how near that is to the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from model.benchmark.ceilings import Ceilings, measure_ceilings
from model.benchmark.clock import Stopwatch, measure, peak_memory, resident
from model.benchmark.early_exit import skipped
from model.benchmark.networks import shapes_of
from model.benchmark.operations import Counter
from model.benchmark.pictures import Picture
from model.benchmark.report import Row
from model.benchmark.stages import watched
from model.benchmark.subject import Subject, at_size
from model.network.config import SpectrumConfig
from model.network.lean.head import LeanDecoder
from model.network.serving import is_lean, lean_shell
from model.network.spectrum import Spectrum
from model.parser import Parser, Query

Size = tuple[int, int]
TERMS = 47  # of the default vocabulary, 'person' among them


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: runs of each call, and seconds after which fewer will do."""

    runs: int = 5
    seconds: float = 20.0


def counted(
    config: SpectrumConfig, size: Size, batch: int, *, half: bool = False, lean: bool = False
) -> Counter:
    """Operations of one forward pass with the default vocabulary, by stage; no memory is touched.

    lean: of the network as it is served, if that is made of its own parts and not of the libraries'.
    """
    counter = Counter()
    with shapes_of(lambda: lean_shell(config) if lean else Spectrum(config)) as network:
        if half:
            network.lower_backbone(torch.float16)
        with torch.inference_mode(), watched(network, counter.watch), counter:
            _look(network, torch.zeros(batch, 3, *size))
    return counter


def _look(network: Spectrum, pixels: torch.Tensor) -> None:
    text = network.grounding.text(torch.zeros(TERMS, network.config.text.width))
    for out in network.looks(pixels):
        for each, z in zip(out.pixels, out.z[-1], strict=True):
            network.grounding.maps(each, text)
            network.grounding.logits(z, text)


def left_out(config: SpectrumConfig, size: Size) -> list[Row]:
    """What early exit saves, counted: a row for each part that it shortens."""
    whole = replace(config, diffusion=replace(config.diffusion, tail=True))
    inner = tuple(round(side * config.diffusion.scale) for side in size)
    with shapes_of(lambda: Spectrum(whole)) as network:
        parts = skipped(
            network.i2tx,
            (inner[0], inner[1]),
            tokens=config.context.tokens,
            context_width=config.context.width,
        )
    return [
        {
            "part": p.part,
            "to the end GFLOP": p.whole / 1e9,
            "run GFLOP": p.run / 1e9,
            "left out %": 100 * p.share,
        }
        for p in parts
    ]


def rows(
    subject: Subject,
    pictures: Sequence[Picture],
    sizes: Sequence[Size],
    batches: Sequence[int],
    effort: Effort,
) -> Iterator[Row]:
    """A row for each size and batch; a batch that the device cannot hold ends its size."""
    ceilings = measure_ceilings(subject.device, subject.dtype)
    for size in sizes:
        parser = subject.parser(size)
        shaped = [_shaped(picture, size) for picture in pictures]
        for batch in batches:
            try:
                yield _row(parser, [shaped[i % len(shaped)] for i in range(batch)], size, ceilings, effort)
            except torch.cuda.OutOfMemoryError:
                yield {"input": f"{size[1]}x{size[0]}", "batch": batch, "note": "out of memory"}
                break


def _row(parser: Parser, batch: list[Picture], size: Size, ceilings: Ceilings, effort: Effort) -> Row:
    device, queries = parser.device, [Query()] * len(batch)
    lean = isinstance(parser.network.decoder, LeanDecoder)
    counter = counted(parser.config, size, len(batch), half=device.type == "cuda", lean=lean)
    held = resident()
    with peak_memory(device) as peak:
        parser.parse(batch, queries)
    whole = measure(
        lambda: parser.parse(batch, queries), device, runs=effort.runs, seconds=effort.seconds, warm=1
    )
    stages, calls = _stages(parser, batch, max(1, min(3, whole.runs)))
    forward = sum(ms for name, ms in stages.items() if name in counter.stages or name == "between")
    floor, flop = counter.whole.floor(ceilings), counter.whole.flop
    return {
        "input": f"{size[1]}x{size[0]}",
        "batch": len(batch),
        "pictures/s": 1000 * len(batch) / whole.median_ms,
        "ms/picture": whole.median_ms / len(batch),
        "best ms": whole.best_ms / len(batch),
        "cpu ms": whole.cpu_ms / len(batch),
        "forward ms": forward / len(batch),
        "GFLOP": flop / 1e9 / len(batch),
        "GFLOP/s": flop / 1e6 / forward,
        "floor ms": floor / len(batch),
        "of floor %": 100 * floor / forward,
        "peak MiB": peak[0],
        "held MiB": held,
        "stages": {
            name: {
                "ms": ms / len(batch),
                "GFLOP": counter.stages[name].flop / 1e9 / len(batch) if name in counter.stages else 0.0,
                "floor ms": counter.stages[name].floor(ceilings) / len(batch)
                if name in counter.stages
                else 0.0,
            }
            for name, ms in stages.items()
        },
        "runs": whole.runs + calls,
    }


def _stages(parser: Parser, batch: list[Picture], calls: int) -> tuple[dict[str, float], int]:
    """Milliseconds of each stage in a call for the whole batch, the reading among them."""
    stopwatch = Stopwatch(parser.device)
    reading: list[float] = []
    with watched(parser.network, stopwatch.watch):
        for _ in range(calls):
            answers = parser.parse(batch, [Query()] * len(batch))
            reading.append(sum(answer.timings_ms["postprocess"] for answer in answers))
    stages = stopwatch.per_call(calls)
    stages["reading"] = sum(reading) / calls - stages.get("grounding", 0.0)
    return stages, calls


def stage_rows(row: Row) -> list[Row]:
    """The stages of one row as rows of their own."""
    return [{"stage": name, **figures} for name, figures in row.get("stages", {}).items()]


def ceilings_of(device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """The device's own rates, in words."""
    found = measure_ceilings(device, dtype)
    precision = str(dtype).removeprefix("torch.")
    return {
        "matmul ceiling": f"{found.flop_per_second / 1e9:,.0f} GFLOP/s ({precision})",
        "copy ceiling": f"{found.bytes_per_second / 1e9:,.1f} GB/s",
    }


def _shaped(picture: Picture, size: Size) -> Picture:
    """The picture at exactly `size`, by its nearest pixels."""
    rows_, columns = (
        (torch.arange(n) * m // n).numpy() for n, m in zip(size, picture.shape[:2], strict=True)
    )
    return picture[rows_[:, None], columns[None, :]]


def counted_only(config: SpectrumConfig, sizes: Sequence[Size]) -> list[Row]:
    """Operations by stage and size, for a network that nobody wants to wait for here."""
    return [
        {"input": f"{size[1]}x{size[0]}", "stage": name, "GFLOP": work.flop / 1e9, "MB": work.bytes / 1e6}
        for size in sizes
        for name, work in counted(at_size(config, size), size, 1, lean=is_lean(config)).stages.items()
    ]
