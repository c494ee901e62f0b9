"""One checkpoint between two."""

from __future__ import annotations

import pytest
import torch

from model.training.mean import mean


def weights(value: float) -> dict[str, torch.Tensor]:
    names = (
        "tower.a",
        "pyramid.project.tower_4.w",
        "pyramid.project.unet_0.w",
        "i2tx.unet.w",
        "im2context.w",
    )
    return {name: torch.full((2,), value) for name in names}


def test_tower_and_head_are_averaged_and_the_backbone_is_the_first_ones():
    mixed = mean(weights(0.0), weights(1.0), 0.25)
    assert {name: float(w[0]) for name, w in mixed.items()} == {
        "tower.a": 0.25,
        "pyramid.project.tower_4.w": 0.25,
        "pyramid.project.unet_0.w": 0.0,
        "i2tx.unet.w": 0.0,
        "im2context.w": 0.0,
    }


def test_counters_stay_the_first_ones():
    first, second = ({"tower.steps": torch.tensor(n)} for n in (3, 8))
    assert mean(first, second, 0.5)["tower.steps"] == 3


def test_another_network_is_refused_by_the_weight_that_differs():
    with pytest.raises(ValueError, match=r"tower\.a"):
        mean(weights(0.0), {"tower.a": torch.zeros(3)}, 0.5)


def test_a_share_outside_the_two_is_refused():
    with pytest.raises(ValueError, match=r"1\.5"):
        mean(weights(0.0), weights(1.0), 1.5)
