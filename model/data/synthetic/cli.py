"""`spectrum synthesize`: write scenes of made-up people to disk, with a sheet to look at."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from model.data.ccp import CcpDataset
from model.data.scenes import whole, widest_free_strip
from model.data.synthetic.atlas import atlas
from model.data.synthetic.body import body
from model.data.synthetic.folder import SyntheticFolder, write_index, write_scene
from model.data.synthetic.maker import SyntheticMaker
from model.data.synthetic.sheet import write_sheet

STRIDE = 1_000_003
"""Scene k of a folder has the seed `seed * STRIDE + k`, so that folders of two seeds share no scene."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="spectrum synthesize", description=__doc__)
    parser.add_argument("--count", type=int, required=True, help="number of scenes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--size", type=_size, default=(288, 192), metavar="HxW")
    parser.add_argument("--people", type=int, help="people a scene (1 to 6); at random without this")
    parser.add_argument(
        "--portraits", type=float, default=0.0, metavar="SHARE", help="share of single portraits"
    )
    parser.add_argument("--standalone", action="store_true", help="one person beside garments nobody wears")
    parser.add_argument("--held-out", action="store_true", help="with the garments that no training may see")
    parser.add_argument("--texture-size", type=int, default=128)
    parser.add_argument("--backgrounds", type=Path, metavar="DIR", help="pictures without people")
    parser.add_argument("--ccp", type=Path, metavar="DIR", help="prepared CCP, cut where nobody stands")
    parser.add_argument(
        "--makehuman",
        type=Path,
        metavar="DIR",
        help="clothes and hair of MakeHuman, worn by some of the people",
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write a contact sheet of the first scenes"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run the command; 0 when all is written, 2 when it cannot be."""
    options = arguments(argv)
    try:
        return _run(options)
    except ValueError as error:
        print(f"spectrum synthesize: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    if options.count < 1:
        raise ValueError(f"--count must be at least 1, not {options.count}")
    options.out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    entries = list(tqdm(_written(options), total=options.count, unit="scene", disable=None))
    took = time.perf_counter() - start
    how = {
        "seed": options.seed,
        "size": list(options.size),
        "held_out": options.held_out,
        "standalone": options.standalone,
        "makehuman": options.makehuman is not None,
    }
    write_index(options.out, entries, atlas(options.texture_size).mask, how)
    print(f"{options.count} scenes in {options.out}, {options.count / took:.2f} a second")
    if options.sheet:
        write_sheet(SyntheticFolder(options.out)[:24], options.sheet)
        print(f"sheet: {options.sheet}")
    return 0


def _written(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    numbers = range(options.count)
    if options.workers <= 1:
        yield from map(_write, repeat(options), numbers)
        return
    body()  # The first process of a machine writes anny's cache; two at once could tear it.
    # Forked children would share a torch that has threads; fresh ones load the body anew, for seconds.
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_write, repeat(options), numbers, chunksize=4)


_MAKERS: dict[str, SyntheticMaker] = {}


def _write(options: argparse.Namespace, number: int) -> dict[str, Any]:
    key = repr(options)
    if key not in _MAKERS:
        _MAKERS[key] = SyntheticMaker(
            backgrounds=read_backgrounds(options.backgrounds, options.ccp),
            makehuman=options.makehuman,
            held_out=options.held_out,
            texture_size=options.texture_size,
        )
    maker, seed = _MAKERS[key], options.seed * STRIDE + number
    if options.standalone:
        scene = maker.make_standalone(seed, options.size)
    else:
        portrait = bool(np.random.default_rng([seed, 3]).random() < options.portraits)
        scene = maker.make(seed, options.size, people=options.people, portrait=portrait)
    return write_scene(scene, options.out, number)


def read_backgrounds(folder: Path | None, ccp: Path | None, most: int = 400) -> list[NDArray[np.uint8]]:
    """Pictures of a folder, and the widest free strips of CCP's training photos; at most `most` of each."""
    pictures: list[NDArray[np.uint8]] = []
    if folder is not None:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
        if not files:
            raise ValueError(f"no pictures in {folder}")
        for file in files[:most]:
            with Image.open(file) as image:
                pictures.append(np.asarray(image.convert("RGB")))
    if ccp is not None:
        dataset = CcpDataset(ccp, "train")
        for id_ in dataset.ids[:most]:
            scene = whole(dataset.load(id_))
            if (strip := widest_free_strip(scene)) is not None:
                pictures.append(np.ascontiguousarray(scene.image[:, strip[0] : strip[1]]))
    return pictures


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) > 0 and int(width) > 0):
        raise argparse.ArgumentTypeError(f"a size is HxW, such as 288x192, not {text!r}")
    return int(height), int(width)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
