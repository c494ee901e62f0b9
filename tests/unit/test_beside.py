"""Closer looks with weights of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model import checkpoint
from model.checkpoint import CLOSER, SHARED, CheckpointError
from model.network.spectrum import Spectrum
from model.training.beside import main
from tests.unit.tiny_network import tiny_mini


def _written(folder: Path, *, seed: int, backbone: Spectrum | None = None) -> Spectrum:
    torch.manual_seed(seed)
    network = Spectrum(tiny_mini())
    if backbone is not None:
        network.i2tx.load_state_dict(backbone.i2tx.state_dict())
        network.im2context.load_state_dict(backbone.im2context.state_dict())
    checkpoint.save(folder, network.config, network.state_dict())
    return checkpoint.load(folder)


def test_a_closer_look_is_the_second_checkpoint_on_the_backbone_of_the_first(tmp_path: Path) -> None:
    """What comes out is what the second one alone says; the first look's answer stays its own."""
    first = _written(tmp_path / "first", seed=1)
    second = _written(tmp_path / "second", seed=2, backbone=first)
    assert main([str(tmp_path / "first"), str(tmp_path / "second"), "--out", str(tmp_path / "both")]) == 0
    both = checkpoint.load(tmp_path / "both")
    closer = checkpoint.load_closer(tmp_path / "both", both)
    assert closer is not None and closer.i2tx is both.i2tx and closer.im2context is both.im2context
    pixels = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        torch.testing.assert_close(closer(pixels).masks[-1], second(pixels).masks[-1])
        torch.testing.assert_close(both(pixels).masks[-1], first(pixels).masks[-1])
        assert not torch.allclose(closer(pixels).masks[-1], both(pixels).masks[-1])
    stored = load_file(tmp_path / "both" / CLOSER)
    assert stored and not any(name.startswith(SHARED) for name in stored)


def test_a_checkpoint_without_one_has_no_closer_network(tmp_path: Path) -> None:
    """Then the first look's weights read closer looks, too."""
    first = _written(tmp_path, seed=1)
    assert checkpoint.load_closer(tmp_path, first) is None


def test_another_backbone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It could not be shared."""
    _written(tmp_path / "first", seed=1)
    _written(tmp_path / "second", seed=2)
    with pytest.raises(SystemExit):
        main([str(tmp_path / "first"), str(tmp_path / "second"), "--out", str(tmp_path / "both")])
    assert "another backbone" in capsys.readouterr().err


def test_the_revision_and_a_copy_have_the_closer_look(tmp_path: Path) -> None:
    """Whatever answers is named by the revision."""
    first = _written(tmp_path / "first", seed=1)
    before = checkpoint.revision(tmp_path / "first")
    checkpoint.save_closer(tmp_path / "first", first.state_dict())
    assert checkpoint.revision(tmp_path / "first") != before
    copied = checkpoint.reconfigured(tmp_path / "first", tmp_path / "copy", first.config)
    assert copied == checkpoint.revision(tmp_path / "copy") == checkpoint.revision(tmp_path / "first")


def test_a_broken_closer_look_is_an_error(tmp_path: Path) -> None:
    """A tensor is missing, or it is no file of tensors at all."""
    first = _written(tmp_path, seed=1)
    save_file({"embed.nothing": torch.zeros(1)}, tmp_path / CLOSER)
    with pytest.raises(CheckpointError, match="closer look"):
        checkpoint.load_closer(tmp_path, first)
    (tmp_path / CLOSER).write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="closer look"):
        checkpoint.load_closer(tmp_path, first)
