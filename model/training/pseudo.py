"""Labels for photos of which only the tags are known: what a checkpoint sees, restricted to the tags.

Of each photo and its mirror image the dense map and the queries of every checkpoint vote; terms that the tags
rule out have no vote. On `val` of CCP, with its true labels as tags, this raised a checkpoint's mIoU from
.42 to .60.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor
from tqdm import tqdm

from model import checkpoint
from model.data.ccp import BODY, IGNORE, tagged_photos
from model.data.tagged import write_index
from model.network.spectrum import Spectrum
from model.training.batches import NOTHING, PROMPTS
from model.training.phrases import Phrases
from model.training.validate import votes

SURE = 0.55
"""Share of the vote under which a pixel stays unlabelled."""
LIFT = 0.7
"""Power of its peak by which a term's votes are divided: 0 leaves them, 1 makes all terms peak alike."""
_BODY = [i for i, name in enumerate(PROMPTS) if name in BODY]


@dataclass(frozen=True, slots=True)
class Voter:
    """A checkpoint's network and (P, D_text) the prompts as its text tower embeds them."""

    network: Spectrum
    text: Tensor

    @classmethod
    def load(cls, folder: Path) -> Voter:
        """The voter of a checkpoint's folder. CheckpointError (a ValueError) when it is missing or broken."""
        network = checkpoint.load(folder)
        phrases = Phrases(list(PROMPTS), checkpoint.load_text(folder), gloss=network.config.text.gloss)
        return cls(network, phrases.plain())


def allowed(tags: Sequence[str]) -> Tensor:
    """(P + 1,) which prompts may label a pixel of a photo with these tags; nothing always may."""
    skin = "skin" in tags
    return torch.tensor([name in tags or (skin and name in BODY) for name in PROMPTS] + [True])


@torch.inference_mode()
def vote(network: Spectrum, pixels: Tensor, text: Tensor) -> Tensor:
    """pixels (1, 3, H, W) in 0..1, text (P, D_text) -> votes (P + 1, H/4, W/4); the last is 'nothing'."""
    total = torch.zeros(())
    for mirrored in (False, True):
        dense, queries = votes(network, pixels.flip(-1) if mirrored else pixels, text)
        both = dense + queries
        total = total + (both.flip(-1) if mirrored else both)
    return total


def lifted(votes: Tensor) -> Tensor:
    """votes (P + 1, h, w) -> the same, each term's divided by the power `LIFT` of its highest.

    The parts of the body have one peak together: the tag 'skin' does not say which of them are to be seen.
    """
    peaks = votes.flatten(1).amax(1).clamp(min=1e-3 * float(votes.max()))
    peaks[_BODY] = peaks[_BODY].max()
    return votes / peaks[:, None, None] ** LIFT


def labelled(votes: Tensor, tags: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """votes (P + 1, h, w) -> class ids (h, w), IGNORE where unsure, and the person's mask (h, w).

    A tag says that its garment is there. So a term that the network is shy to name is lifted towards the
    others and wins where its votes are highest; the photo would otherwise teach that there is none.
    """
    votes = lifted(votes * allowed(tags)[:, None, None])
    share = votes / votes.sum(0, keepdim=True).clamp(min=1e-6)
    best, winner = share.max(0)
    classes = torch.where(winner == NOTHING, 0, winner + 1)
    classes[best < SURE] = IGNORE
    return classes.to(torch.uint8).numpy(), (share[NOTHING] < 0.5).to(torch.uint8).numpy()


def apart(classes: NDArray[np.uint8], persons: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Pieces of the person mask that do not touch: the largest is 1, others of a tenth of it are 2 and on.

    Passers-by are in photos whose tags speak of one person. Smaller pieces are nobody's and unlabelled.
    """
    regions, count = ndimage.label(persons, structure=np.ones((3, 3)))
    sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
    owner, unknown = np.zeros_like(persons), np.zeros(persons.shape, bool)
    for rank, i in enumerate(np.argsort(-sizes, kind="stable"), start=1):
        piece = regions == i + 1
        if sizes[i] >= 0.1 * sizes.max():
            owner[piece] = min(rank, 255)
        else:
            unknown |= piece
    return np.where(unknown, np.uint8(IGNORE), classes), owner


def label(voters: Sequence[Voter], image: Image.Image, tags: Sequence[str]) -> list[Image.Image]:
    """Class map and person map of one photo, at the photo's size, by the sum of the voters' votes."""
    short = voters[0].network.config.short_side
    scale = short / min(image.size)
    wide, tall = (max(32, round(side * scale / 32) * 32) for side in image.size)
    small = np.array(image.resize((wide, tall), Image.Resampling.BILINEAR))
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    total = torch.stack([vote(voter.network, pixels, voter.text) for voter in voters]).sum(0)
    maps = apart(*labelled(total, tags))
    return [Image.fromarray(m).resize(image.size, Image.Resampling.NEAREST) for m in maps]


def main(argv: Sequence[str] | None = None) -> int:
    """Label the tagged photos of a prepared CCP; exit status."""
    p = argparse.ArgumentParser(prog="spectrum train --stage pseudo", description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="prepared CCP")
    p.add_argument(
        "--init",
        type=Path,
        required=True,
        action="append",
        help="a checkpoint that labels; repeatable, they vote",
    )
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--limit", type=int, help="only the first so many photos")
    args = p.parse_args(argv)
    try:
        voters = [Voter.load(folder) for folder in args.init]
        photos = tagged_photos(args.data)[: args.limit]
        for kind in ("classes", "persons"):
            (args.out / kind).mkdir(parents=True, exist_ok=True)
        for path, tags in tqdm(photos, unit="photo", mininterval=5.0):
            with Image.open(path) as picture:
                maps = label(voters, picture.convert("RGB"), tags)
            for kind, image in zip(("classes", "persons"), maps, strict=True):
                image.save(args.out / kind / f"{path.stem}.png", optimize=True)
        write_index(args.out, {path.stem: path for path, _ in photos})
    except ValueError as error:
        p.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
