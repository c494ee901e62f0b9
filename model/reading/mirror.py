"""A second look: the answer for a picture and the one for its mirror image, read as one."""

from __future__ import annotations

from dataclasses import replace

import torch

from model.reading.readout import Readout


def with_mirrored(readout: Readout, mirrored: Readout) -> Readout:
    """`readout` (Q, h, w) with what the network says of the mirror image: (2Q, h, w), dense maps averaged.

    Each query of either has half a say in the label of a cell. Who the persons are is the first look's alone:
    the second finds the same people again.
    """
    labels = torch.cat([readout.labels, mirrored.labels]) / 2
    queries = len(readout.labels)
    labels[:queries, readout.person] = readout.labels[:, readout.person]
    labels[queries:, readout.person] = 0
    return replace(
        readout,
        masks=torch.cat([readout.masks, mirrored.masks.flip(-1)]),
        labels=labels,
        dense=(readout.dense + mirrored.dense.flip(-1)) / 2,
    )
