"""Train the closed-set network on photo crops: cross-entropy, AdamW, warm-up and cosine, averaged weights.

`python -m model.training.closed.train --data DIR --steps N --out DIR`; a run that stopped goes on with the
losses that it would have had. Crops, colours, rates and averaging are the parsing stage's, so that what
differs is the network.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from model.data.ccp import BODY, CLASSES, IGNORE, CcpDataset
from model.data.scenes import SceneMaker
from model.evaluation.cli import data_root
from model.evaluation.metrics.pixels import class_iou, confusion, mean
from model.evaluation.vocabularies import CCP19
from model.training.closed.network import ClosedNetwork, save
from model.training.loop import From, Schedule
from model.training.pretrained import load_imagenet

Batch = tuple[Tensor, Tensor]


def class_table() -> np.ndarray:
    """(256,) the ccp19 class of every id of `CLASSES`, -100 for what ccp19 ignores."""
    table = np.full(256, -100, np.int64)
    for id_, name in enumerate(CLASSES):
        value = CCP19.class_of_prompt("skin") if name in BODY else CCP19.class_of_label(name)
        table[id_] = -100 if value == IGNORE else value
    table[0] = 0
    return table


class ClosedBatches(Dataset[Batch]):
    """Batch number `step`, a pure function of (seed, step): photo crops of one upright size, 3 : 2.

    pixels (B, 3, H, W) uint8; truth (B, H/4, W/4) int64 classes of ccp19, -100 where it is not known.
    """

    def __init__(self, maker: SceneMaker, *, seed: int, batch: int, height: int, steps: int) -> None:
        if height < 64 or height % 32 or batch < 1:
            raise ValueError(f"height must be 64, 96, 128 ... and batch positive, not {height} and {batch}")
        self.maker, self.seed, self.batch, self.steps = maker, seed, batch, steps
        self.size = (height, height * 2 // 3 // 32 * 32)
        self.table = class_table()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        scenes = [self.maker.make(int(rng.integers(2**62)), "photo", self.size) for _ in range(self.batch)]
        truth = np.stack([self.table[scene.classes[2::4, 2::4]] for scene in scenes])
        pixels = torch.from_numpy(np.stack([scene.image for scene in scenes]))
        return pixels.permute(0, 3, 1, 2), torch.from_numpy(truth)


class Validation:
    """mIoU of ccp19 on `val` at stride 4, to steer by; what counts is the evaluation through the parser."""

    def __init__(
        self, dataset: CcpDataset, *, size: tuple[int, int] = (384, 256), limit: int | None = None
    ) -> None:
        small = (size[1] // 4, size[0] // 4)
        self.pairs: list[tuple[Tensor, np.ndarray]] = []
        for item in dataset[: limit or len(dataset)]:
            picture = Image.fromarray(item.image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
            labels = Image.fromarray(CCP19.truth(item.labels)).resize(small, Image.Resampling.NEAREST)
            self.pairs.append((torch.from_numpy(np.array(picture)).permute(2, 0, 1), np.asarray(labels)))

    @torch.inference_mode()
    def score(self, network: ClosedNetwork) -> float:
        """mIoU over the classes that occur in truth or answer."""
        network.eval()
        device = next(network.parameters()).device
        matrix = np.zeros((len(CCP19.names),) * 2, np.int64)
        for pixels, truth in self.pairs:
            batch = (pixels[None].float() / 255).to(device).contiguous(memory_format=torch.channels_last)
            matrix += confusion(truth, network(batch)[0].argmax(0).cpu().numpy(), len(matrix))
        return mean(class_iou(matrix))


class ClosedTrainer:
    """Trains the network; `folder` gets `state.pt` (to go on), `log.jsonl` and `checkpoint/`."""

    def __init__(
        self,
        network: ClosedNetwork,
        schedule: Schedule,
        folder: Path,
        *,
        validation: Validation | None = None,
        device: str = "cpu",
    ) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.schedule, self.folder, self.validation = schedule, folder, validation
        self.device = torch.device(device)
        self.optimizer = torch.optim.AdamW(self._groups())
        self.average = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            rate = self.schedule.tower_rate if name.startswith("body.") else self.schedule.rate
            decay = self.schedule.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
        return [{"params": p, "lr": r, "peak": r, "weight_decay": d} for (r, d), p in groups.items()]

    @property
    def state_file(self) -> Path:
        """Where the state of the training lies."""
        return self.folder / "state.pt"

    def resume(self) -> bool:
        """Take up the state in the folder; False when there is none."""
        if not self.state_file.is_file():
            return False
        state = torch.load(self.state_file, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        return True

    def save(self) -> None:
        """Write state and averaged checkpoint; the state appears whole or not at all."""
        partial = self.state_file.with_suffix(".partial")
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save({**state, "average": self.average, "step": self.step}, partial)
        partial.replace(self.state_file)
        save(self.folder / "checkpoint", self.network.config, self.average)

    def run(self, batches: ClosedBatches, *, workers: int = 1) -> None:
        """Train to the schedule's last step."""
        loader = DataLoader(
            batches,
            batch_size=None,
            sampler=From(self.step, self.schedule.steps),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
        )
        bar = tqdm(loader, initial=self.step, total=self.schedule.steps, unit="step", mininterval=2.0)
        for batch in bar:
            started = time.perf_counter()
            line: dict[str, Any] = {"total": self.train_step(batch)}
            self.step += 1
            line |= {"step": self.step, "seconds": round(time.perf_counter() - started, 3)}
            bar.set_postfix(loss=f"{line['total']:.3f}")
            last = self.step == self.schedule.steps
            if self.validation and (last or self.step % self.schedule.validate_every == 0):
                line["val_mIoU"] = round(self._validate(self.validation), 4)
            if last or self.step % self.schedule.save_every == 0:
                self.save()
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def train_step(self, batch: Batch) -> float:
        """One step of the optimizer; the mean cross-entropy of the pixels whose class is known."""
        pixels, truth = (t.to(self.device) for t in batch)
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self.schedule.factor(self.step)
        logits = self.network((pixels.float() / 255).contiguous(memory_format=torch.channels_last))
        # Summed and divided, since a mean over a batch without a known pixel would be nan.
        loss = F.cross_entropy(logits, truth, reduction="sum") / (truth >= 0).sum().clamp(min=1)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is {float(loss.detach())} at step {self.step}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.optimizer.step()
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        # A young average follows faster, else it would remember the random start.
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            kept = self.average[name]
            if kept.is_floating_point():
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def _validate(self, validation: Validation) -> float:
        current = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        score = validation.score(self.network)
        self.network.load_state_dict(current)
        return score


def arguments() -> argparse.ArgumentParser:
    """The command's options."""
    p = argparse.ArgumentParser(prog="python -m model.training.closed.train", description=__doc__)
    p.add_argument("--data", type=Path, help="prepared CCP; otherwise $SPECTRUM_CCP or ../shared/data/ccp")
    p.add_argument(
        "--out", type=Path, default=Path("runs/closed"), help="folder of state, log and checkpoint"
    )
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--height", type=int, default=288, help="height of a crop, pixels; its width is 2/3 of it")
    p.add_argument("--rate", type=float, default=5e-4, help="peak rate; 0.4 of it for the ImageNet weights")
    p.add_argument("--warmup", type=int, default=150, help="steps until the rate has its peak")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--workers", type=int, default=1, help="processes that make batches; 0 for none")
    p.add_argument("--threads", type=int, help="CPU threads of the network")
    p.add_argument(
        "--validate-every", type=int, default=500, help="steps between two looks at val; 0 for none"
    )
    p.add_argument("--save-every", type=int, default=200)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; exit status."""
    p = arguments()
    args = p.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        trainer, batches = build(args)
    except ValueError as error:
        p.error(str(error))
    if trainer.resume():
        sys.stderr.write(f"going on from step {trainer.step}\n")
    trainer.run(batches, workers=args.workers)
    return 0


def build(args: argparse.Namespace) -> tuple[ClosedTrainer, ClosedBatches]:
    """Network, schedule and data of a run. ValueError for data or weights that are not there."""
    root = data_root(args.data, os.environ, Path.cwd())
    batches = ClosedBatches(
        SceneMaker(CcpDataset(root, "train")),
        seed=args.seed,
        batch=args.batch,
        height=args.height,
        steps=args.steps,
    )
    torch.manual_seed(args.seed)
    network = ClosedNetwork()
    load_imagenet(network)
    schedule = Schedule(
        steps=args.steps,
        rate=args.rate,
        tower_rate=args.rate * 0.4,
        warmup=args.warmup,
        save_every=args.save_every,
        validate_every=args.validate_every,
    )
    validation = Validation(CcpDataset(root, "val")) if args.validate_every else None
    return ClosedTrainer(network, schedule, args.out, validation=validation, device=args.device), batches


if __name__ == "__main__":
    sys.exit(main())
