"""Half precision done by hand, where no card is."""

from __future__ import annotations

import pytest
import torch

from model.benchmark import halves
from tests.unit.ccp_roots import REAL
from tests.unit.tiny_network import tiny_network

PHOTO = sorted((REAL / "images").iterdir())[0]


def pictures() -> list[torch.Tensor]:
    noise = torch.Generator().manual_seed(2)
    return [torch.rand(1, 3, 64, 64, generator=noise) for _ in range(2)]


def test_the_coarser_the_type_the_less_the_features_agree():
    found = {
        name: halves.agreement(tiny_network(), pictures(), dtype)[0] for name, dtype in halves.TYPES.items()
    }
    for fine, coarse in zip(found["float16"], found["bfloat16"], strict=True):
        assert 0 < fine.features < coarse.features < 0.1
        assert 0.9 < fine.iou <= 1
        assert 0.9 < fine.cells <= 1


def test_nothing_is_lost_in_a_type_that_is_no_coarser():
    (one, _), largest = halves.agreement(tiny_network(), pictures(), torch.float32)
    assert (one.iou, one.cells, one.features) == (1.0, 1.0, 0.0)
    assert largest > 0


def test_the_backbone_alone_is_rounded():
    network = tiny_network()
    head = [weight.clone() for weight in network.decoder.parameters()]
    tower = [weight.clone() for weight in network.tower.parameters()]
    halves.Rounding(network, torch.bfloat16)
    assert all(torch.equal(a, b) for a, b in zip(head, network.decoder.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(tower, network.tower.parameters(), strict=True))


def test_the_command_prints_a_line_for_each_photo_and_the_largest_value(capsys):
    assert halves.main(["--preset", "mini", "--side", "64", str(PHOTO)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{PHOTO.name}: mean IoU ")
    assert "float16 ends at 6.55e+04" in told


@pytest.mark.parametrize("arguments", [["nowhere.jpg"], ["--preset", "huge", str(PHOTO)]])
def test_the_command_refuses_what_is_not_there(arguments, capsys):
    with pytest.raises(SystemExit):
        halves.main(arguments)
    assert "error:" in capsys.readouterr().err
