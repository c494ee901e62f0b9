"""The forms of the benchmark: from options to a report."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from model.benchmark import forward, scale, start, threads
from model.benchmark.forward import Effort
from model.benchmark.networks import preset
from model.benchmark.peers import run as peers
from model.benchmark.pictures import pictures
from model.benchmark.report import Report, Row, machine, table
from model.benchmark.subject import Subject
from model.evaluation.hardware import cores
from model.network.config import SpectrumConfig
from model.parser import DEFAULT_CHECKPOINT

# (height, width): what the shipped service feeds a photo of 2:3, and the size of the paper's latent.
CPU_SIZES = {"mini": ((384, 256), (512, 512)), "full": ((512, 512),)}
GPU_SIZES = {"mini": ((384, 256), (512, 512)), "full": ((512, 512), (1536, 1024))}


def bench_model(options: argparse.Namespace) -> Report:
    """`spectrum bench model`."""
    device = _device(options)
    sizes = options.size or (GPU_SIZES if device.type == "cuda" else CPU_SIZES)[options.preset]
    told = machine(str(device))
    if options.count:
        config = _config(options)
        left: dict[str, Any] = {"early exit": forward.left_out(config, sizes[0])}
        counted = forward.counted_only(config, sizes)
        return Report("model", options.command, told, counted, left, _exit_notes(left))
    subject = Subject.open(options.preset, options.checkpoint, str(device), options.precision)
    batches = options.batch or ((1, 2, 4, 8, 16, 32) if device.type == "cuda" else (1, 4))
    shots = pictures(options.pictures, max(batches), sizes[0])
    facts: dict[str, Any] = {
        "preset": options.preset,
        "weights": subject.origin,
        "precision": _precision(subject),
        **forward.ceilings_of(device, subject.dtype),
    }
    facts["early exit"] = forward.left_out(subject.network.config, sizes[0])
    rows = list(forward.rows(subject, shots, sizes, batches, _effort(options)))
    return Report("model", options.command, told, rows, facts, (*_stage_notes(rows), *_exit_notes(facts)))


def bench_peers(options: argparse.Namespace) -> Report:
    """`spectrum bench peers`."""
    device = _device(options)
    told = machine(str(device))
    size = options.size[0] if options.size else (options.side, options.side)
    shots = pictures(options.pictures, 1, size)
    order = peers.Order(shots[0], options.prompts, options.only, _effort(options), options.count)
    own = torch.float16 if device.type == "cuda" else torch.float32
    facts = {**({} if options.count else forward.ceilings_of(device, own)), "prompts": options.prompts}
    return Report("peers", options.command, told, peers.rows(order, device), facts, peers.NOTES)


def bench_scale(options: argparse.Namespace) -> Report:
    """`spectrum bench scale`."""
    device = _device(options)
    told = machine(str(device))
    subject = Subject.open(options.preset, options.checkpoint, str(device), options.precision)
    shots = pictures(options.pictures, 1, (576, 384))
    sweep = scale.Sweep(options.prompts, options.people, options.megapixels)
    rows = scale.rows(subject.parser(), shots[0], sweep, _effort(options))
    facts = {"preset": options.preset, "weights": subject.origin, "precision": _precision(subject)}
    return Report("scale", options.command, told, rows, facts)


def _precision(subject: Subject) -> str:
    return str(subject.dtype).removeprefix("torch.")


def bench_start(options: argparse.Namespace) -> Report:
    """`spectrum bench start`."""
    device = _device(options)
    told = machine(str(device))
    folder = options.checkpoint or DEFAULT_CHECKPOINT
    rows = start.rows(Path(folder), str(device), options.threads, options.times, service=options.service)
    return Report("start", options.command, told, rows, {"checkpoint": Path(folder).name}, start.NOTES)


def bench_threads(options: argparse.Namespace) -> Report:
    """`spectrum bench threads`."""
    told = machine("cpu")
    folder = Path(options.checkpoint or DEFAULT_CHECKPOINT)
    tried = threads.ways(options.threads or cores())
    rows = threads.rows(folder, tried, rounds=options.rounds)
    return Report("threads", options.command, told, rows, {"checkpoint": folder.name}, threads.NOTES)


def _device(options: argparse.Namespace) -> torch.device:
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    name = options.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _config(options: argparse.Namespace) -> SpectrumConfig:
    if options.checkpoint is not None:
        return SpectrumConfig.load(options.checkpoint / "config.json")
    if options.preset == DEFAULT_CHECKPOINT.name:
        return replace(SpectrumConfig.load(DEFAULT_CHECKPOINT / "config.json"))
    return preset(options.preset)


def _effort(options: argparse.Namespace) -> Effort:
    return Effort(options.runs, options.seconds)


def _stage_notes(rows: list[Row]) -> tuple[str, ...]:
    return tuple(
        f"{row['input']}, batch {row['batch']}, a picture:\n{table(forward.stage_rows(row))}\n"
        for row in rows
        if "stages" in row
    )


def _exit_notes(facts: dict[str, Any]) -> tuple[str, ...]:
    found = facts["early exit"]
    return (f"Left out by stopping at the last tap:\n{table(found)}",) if isinstance(found, list) else ()
