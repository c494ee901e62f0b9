"""`full` trains on several processes: launched as torchrun does it, on two, at a tiny size."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from model import checkpoint
from model.data.synthetic.folder import write_index, write_scene
from model.data.synthetic.scene import SyntheticPerson, SyntheticScene
from model.training.stages.common import read_full
from tests.unit.ccp_roots import figure, write_root
from tests.unit.ranks import run
from tests.unit.tiny_full import tiny_base, write_sources

ROOT = Path(__file__).parent.parent.parent


def write_portraits(root: Path, count: int) -> Path:
    """Portraits of one colour, whose maps have it too."""
    rng = np.random.default_rng(0)
    mask = np.ones((64, 64), bool)
    entries = []
    for number in range(count):
        color = rng.integers(0, 256, 3, np.uint8)
        image = np.broadcast_to(color, (64, 64, 3)).copy()
        plane = np.ones((64, 64), np.uint8)
        person = SyntheticPerson((), "a person", image, mask)
        scene = SyntheticScene(image, plane, plane, (person,), "a person", np.zeros((64, 64), bool))
        entries.append(write_scene(scene, root, number))
    write_index(root, entries, mask, {"seed": 0, "size": [64, 64], "held_out": False, "standalone": False})
    return root


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """Command lines by name, and the folder where two processes that ran them left their weights."""
    root = tmp_path_factory.mktemp("ranks")
    sources = write_sources(root / "files")
    (root / "full").mkdir()
    (root / "full" / "sources.json").write_text(sources.to_json())
    (root / "full" / "config.json").write_text(tiny_base().to_json())
    ccp = write_root(root / "ccp", {"train": [figure(96, 64)] * 2, "val": [figure(96, 64)]})
    portraits = write_portraits(root / "portraits", 6)
    common = [
        *("--preset", "full", "--sources", str(root / "full"), "--device", "cpu", "--warmup", "1"),
        *("--steps", "3", "--batch", "4", "--data", str(ccp), "--rate", "0.003"),
    ]
    commands = {
        "texture": [
            *("--stage", "texture", "--synthetic", str(portraits), "--held-out", "2", "--height", "96"),
            *("--rank", "2", "--views", "1", "--checkpointing", *common),
        ],
        "parsing": ["--stage", "parsing", "--height", "96", "--points", "16", "--bf16", *common],
    }
    told = {name: [*argv, "--out", str(root / name)] for name, argv in commands.items()}
    for name, steps in (("begun", "1"), ("resumed", "2")):  # the second goes on where the first stopped
        told[name] = [*commands["parsing"], "--steps", steps, "--out", str(root / "resumed")]
    (root / "commands.json").write_text(json.dumps(told))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--master-addr", "127.0.0.1", "--master-port", str(port)),
        *(str(Path(__file__).parent / "ranks.py"), str(root), str(root / "commands.json")),
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    done = subprocess.run(launch, cwd=ROOT, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[:6000]
    return root, commands


@pytest.mark.parametrize("stage", ["texture", "parsing"])
def test_both_processes_end_with_the_same_weights_and_one_of_them_writes(launched, stage):
    root, _ = launched
    first, second = (torch.load(root / f"{stage}_{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first and all(torch.equal(value, second[name]) for name, value in first.items())
    steps = [json.loads(line)["step"] for line in (root / stage / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]


def test_two_processes_take_up_what_two_left(launched):
    root, _ = launched
    steps = [json.loads(line)["step"] for line in (root / "resumed" / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2]
    begun, first, second = (
        torch.load(root / f"{name}.pt", weights_only=True) for name in ("begun_0", "resumed_0", "resumed_1")
    )
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert any(not torch.equal(value, begun[name]) for name, value in first.items())


def test_two_processes_train_a_texture_stage_as_one_does(launched, tmp_path):
    root, commands = launched
    _, alone = run([*commands["texture"], "--out", str(tmp_path)])
    together = torch.load(root / "texture_0.pt", weights_only=True)
    logs = [(folder / "log.jsonl").read_text().splitlines() for folder in (tmp_path, root / "texture")]
    totals = [[json.loads(line)["total"] for line in log] for log in logs]
    assert totals[0] == pytest.approx(totals[1], rel=1e-3)
    # Adam makes a whole step of a gradient near zero, so that some weights differ by more than rounding.
    gaps = torch.cat([(value - together[name]).abs().flatten() for name, value in alone.items()])
    assert float(gaps.mean()) < 1e-5


def test_what_a_full_trained_loads_with_its_sources(launched):
    root, _ = launched
    parsed = checkpoint.load(root / "parsing" / "checkpoint")
    trained = torch.load(root / "parsing_0.pt", weights_only=True)
    assert {name.partition(".")[0] for name in trained} == {
        *("conditioning", "pyramid", "decoder", "embed", "grounding")
    }
    state = torch.load(root / "parsing" / "state.pt", weights_only=True)
    weights = parsed.state_dict()
    for name, value in state["average"].items():
        assert torch.allclose(weights[name], value, atol=2e-3), name
    textured = checkpoint.load(root / "texture" / "checkpoint")
    plain = checkpoint.load(root / "full").state_dict()
    changed = [name for name, w in textured.state_dict().items() if not torch.equal(w, plain[name])]
    parts = {name.partition(".")[0] for name in changed if name.startswith(("i2tx", "im2", "cond", "tower"))}
    assert parts == {"i2tx", "im2context", "conditioning"}
    assert not any(name.startswith("i2tx.vae") for name in changed)


def test_fulls_denoiser_leaves_a_stable_diffusion_that_the_next_stage_reads(launched, tmp_path):
    root, commands = launched
    argv = ["--stage", "denoiser", "--height", "48", "--out", str(tmp_path), *commands["parsing"][7:]]
    run([*argv, "--steps", "2"])
    tuned, plain = read_full(tmp_path / "checkpoint"), read_full(root / "full")
    state = torch.load(tmp_path / "state.pt", weights_only=True)["average"]
    for name, value in tuned.i2tx.unet.state_dict().items():
        assert torch.equal(value, state[f"unet.{name}"]), name
    before = plain.state_dict()
    changed = {
        n for n, w in tuned.state_dict().items() if n.startswith("i2tx") and not torch.equal(w, before[n])
    }
    assert changed and all(name.startswith("i2tx.unet.") for name in changed)
    assert tuned.config.diffusion.schedule == plain.config.diffusion.schedule
