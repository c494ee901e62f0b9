"""What the vision tower tells of a picture."""

from __future__ import annotations

import pytest
import torch

from model.network.config import SpectrumConfig, TowerConfig, mini
from model.network.spectrum import Spectrum
from model.network.towers import EfficientNetTower


def test_a_patch_says_the_colours_of_its_cells():
    torch.manual_seed(0)
    tower = EfficientNetTower(TowerConfig(cells=4)).eval()
    pixels = torch.full((1, 3, 64, 96), 0.5)
    pixels[:, 0, 32:40, 64:72] = 1.0  # red in the first cell of the last patch
    with torch.no_grad():
        seen = tower(pixels)
    assert seen.patches.shape == (1, 6, TowerConfig(cells=4).patch_width)
    assert seen.cls.shape == (1, 320)
    cells = seen.patches[0, :, 320:].view(6, 3, 4, 4)
    assert cells[5, 0, 0, 0] == 2.0
    assert cells.flatten().count_nonzero() == 1


def test_cells_add_colours_and_change_no_feature():
    torch.manual_seed(0)
    tower = EfficientNetTower(TowerConfig()).eval()
    with_cells = EfficientNetTower(TowerConfig(cells=2)).eval()
    with_cells.load_state_dict(tower.state_dict())
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        plain, colored = tower(pixels), with_cells(pixels)
    torch.testing.assert_close(colored.patches[..., :320], plain.patches)
    torch.testing.assert_close(colored.cls, plain.cls)


def test_a_patch_says_where_it_lies():
    torch.manual_seed(0)
    plain = EfficientNetTower(TowerConfig(cells=2)).eval()
    placed = EfficientNetTower(config := TowerConfig(cells=2, places=3)).eval()
    placed.load_state_dict(plain.state_dict())
    pixels = torch.rand(2, 3, 96, 64)
    with torch.no_grad():
        before, after = plain(pixels), placed(pixels)
    assert after.patches.shape == (2, 6, config.patch_width)
    assert torch.equal(after.patches[..., :332], before.patches) and torch.equal(after.cls, before.cls)
    where = after.patches[..., 332:]
    assert torch.equal(where[0], where[1])  # whatever the picture
    xy = where[0, :, :2].tolist()
    assert xy == [[-1, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [1, 1]]
    assert len({tuple(row) for row in where[0].tolist()}) == 6


def test_a_patch_that_cannot_be_cut_so_is_refused():
    with pytest.raises(ValueError, match="3 cells"):
        EfficientNetTower(TowerConfig(cells=3))


def test_a_config_from_before_the_cells_and_places_still_loads():
    text = mini().to_json().replace('    "cells": 4,\n', "").replace('    "places": 3,\n', "")
    config = SpectrumConfig.from_json(text)
    assert config.tower.cells == config.tower.places == 0
    assert Spectrum(config).im2context.enter.in_features == 320
