"""How often attributes of garments are right: the shipped model's masks against people's own judgement.

`python -m service.programs.bench_tags --ccp DIR --judged FILE --split val`, or `--synthetic DIR` for a folder
of `spectrum synthesize`, whose patterns are known. Prints a table. The judged file holds words for garments
by photo and label: a value, 'borderline' (either value is right, none is counted) or 'hidden' (any is wrong).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from service.tags.seen import Parsing
from service.tags.tagging import ATTRIBUTES, tag

Judged = Mapping[str, Mapping[str, str]]  # label -> attribute -> word
BORDERLINE, HIDDEN = "borderline", "hidden"
_UNKNOWN = 255
_LEAST_SHARE = 0.5  # of a segment's pixels that must lie on a garment for it to be that garment's
# Of made-up cloth: one picture on the chest, and halves of two colours, are neither.
_WORDS = {
    "plain": "plain",
    "knitted": "plain",
    "leather": "plain",
    "two-tone": BORDERLINE,
    "printed": BORDERLINE,
}


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture (H, W, 3), which garment is where (H, W) by its name's number, and what is known of them."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    names: Sequence[str]
    judged: Judged


@dataclass(slots=True)
class Tally:
    """Counts by (attribute, word): what was right, wrong, borderline, and of how many segments at all."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    pictures: int = 0
    seconds: float = 0.0  # of tagging

    def add(self, photo: Photo, parsing: Parsing) -> None:
        """What the tags of a parsing say of the judged garments."""
        start = time.perf_counter()
        found = {tags.segment_id: tags.attributes for tags in tag(photo.image, parsing)}
        self.seconds += time.perf_counter() - start
        self.pictures += 1
        for segment in parsing.segments:
            name = _garment(photo, parsing.segment_map == segment.id) if segment.id in found else None
            for attribute, word in photo.judged.get(name or "", {}).items():
                self._count(attribute, word, found[segment.id].get(attribute))

    def _count(self, attribute: str, truth: str, told: str | None) -> None:
        self.counts[attribute, "", "judged"] += 1
        if told is None:
            return
        outcome = "right" if told == truth else BORDERLINE if truth == BORDERLINE else "wrong"
        self.counts[attribute, told, outcome] += 1

    def table(self) -> str:
        """Markdown: a row for each attribute's words, and one for all of them."""
        rows = [
            "| attribute | word | right | wrong | borderline | accuracy | given |",
            "|---|---|--:|--:|--:|--:|--:|",
        ]
        for attribute in ATTRIBUTES:
            words = sorted({word for name, word, _ in self.counts if name == attribute and word})
            rows += [self._row(attribute, [word], word) for word in words]
            if words:
                rows.append(self._row(attribute, words, "all"))
        spent = 1000 * self.seconds / max(1, self.pictures)
        return "\n".join([*rows, "", f"{self.pictures} pictures, {spent:.0f} ms of tagging for each"])

    def _row(self, attribute: str, words: Sequence[str], title: str) -> str:
        right, wrong, unsure = (
            sum(self.counts[attribute, word, outcome] for word in words)
            for outcome in ("right", "wrong", BORDERLINE)
        )
        judged = self.counts[attribute, "", "judged"]
        accuracy = f"{right / (right + wrong):.3f}" if right + wrong else ""
        given = f"{right + wrong + unsure} of {judged}" if title == "all" else ""
        return f"| {attribute} | {title} | {right} | {wrong} | {unsure} | {accuracy} | {given} |"


def _garment(photo: Photo, mask: NDArray[np.bool_]) -> str | None:
    """The name of the garment that at least half of the mask lies on."""
    counts = np.bincount(photo.labels[mask], minlength=256)
    total, counts[[0, _UNKNOWN]] = counts.sum(), 0
    best = int(counts.argmax())
    return photo.names[best] if counts[best] and counts[best] >= _LEAST_SHARE * total else None


def ccp(root: Path, judged: Mapping[str, Judged]) -> Iterator[Photo]:
    """The judged photos of prepared CCP."""
    names = json.loads((root / "index.json").read_text(encoding="utf-8"))["labels"]
    for id_, garments in judged.items():
        yield Photo(
            _rgb(root / "images" / f"{id_}.jpg"), _grey(root / "labels" / f"{id_}.png"), names, garments
        )


def synthetic(root: Path) -> Iterator[Photo]:
    """The scenes of one made-up person each."""
    index = json.loads((root / "index.json").read_text(encoding="utf-8"))
    for scene in index["scenes"]:
        if len(scene["people"]) != 1:
            continue
        worn = {name: _WORDS.get(word, "patterned") for name, _, word in scene["people"][0]["garments"]}
        file = scene["id"]
        judged = {name: {"pattern": word} for name, word in worn.items()}
        labels = _grey(root / "classes" / f"{file}.png")
        yield Photo(_rgb(root / "images" / f"{file}.jpg"), labels, index["classes"], judged)


def _rgb(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _grey(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def main(argv: Sequence[str]) -> int:
    """Parse, tag, compare, print."""
    from model.parser import Parser, Query

    options = _options(argv)
    photos = synthetic(options.synthetic) if options.synthetic else ccp(options.ccp, _judged(options))
    parser, tally = Parser.load(threads=options.threads), Tally()
    for photo in tqdm(photos, unit="picture", disable=None):
        (parsing,) = parser.parse([photo.image], [Query()])
        tally.add(photo, parsing)
    sys.stdout.write(tally.table() + "\n")
    return 0


def _judged(options: argparse.Namespace) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(options.judged.read_text(encoding="utf-8"))[options.split]
    return found


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m service.programs.bench_tags", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--ccp", type=Path, metavar="DIR", help="prepared CCP")
    source.add_argument("--synthetic", type=Path, metavar="DIR", help="scenes of made-up people")
    parser.add_argument("--judged", type=Path, metavar="FILE", default=Path("tests/data/tags_judged.json"))
    parser.add_argument("--split", choices=("val", "train"), default="val")
    parser.add_argument("--threads", type=int)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
