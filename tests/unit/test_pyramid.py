"""Sources of many strides, summed into one pyramid."""

from __future__ import annotations

import pytest
import torch

from model.network.i2tx import Tap
from model.network.pyramid import Pyramid


def test_a_source_goes_to_the_nearest_stride_and_sources_of_one_stride_are_summed():
    torch.manual_seed(0)
    pyramid = Pyramid([Tap("a", 8, 4), Tap("b", 8, 4), Tap("c", 8, 9)], (4, 8), 16)
    features = {"a": torch.randn(1, 8, 16, 16), "b": torch.randn(1, 8, 16, 16), "c": torch.randn(1, 8, 7, 7)}
    fine, coarse = pyramid(features, (64, 64))
    assert fine.shape == (1, 16, 16, 16)
    assert coarse.shape == (1, 16, 8, 8)
    alone = pyramid.project["a"](features["a"]) + pyramid.project["b"](features["b"])
    torch.testing.assert_close(fine, alone)


def test_coarse_strides_that_no_source_has_take_the_mean_of_the_finer_map():
    torch.manual_seed(0)
    pyramid = Pyramid([Tap("a", 8, 4)], (4, 8, 16), 16)
    fine, middle, coarse = pyramid({"a": torch.randn(1, 8, 16, 24)}, (64, 96))
    assert middle.shape == (1, 16, 8, 12)
    torch.testing.assert_close(coarse[0, :, 0, 0], fine[0, :, :4, :4].mean((1, 2)), atol=1e-6, rtol=1e-5)


def test_a_pyramid_without_a_finest_source_is_refused():
    with pytest.raises(ValueError, match="stride 4"):
        Pyramid([Tap("a", 8, 8)], (4, 8), 16)
