"""`python -m model.training.calibrate`: by how much the body's parts may bid, fitted on photos of `train`.

The parsing stage weighs rare terms up, so that a network names small parts at all. It then gives them more
than their share, at the cost of what lies beside them. The reading can take that back: the probability of a
term is multiplied by a factor (logit adjustment, Menon et al., arXiv 2007.07314). One factor for each part is
fitted here, by coordinate ascent on what the evaluation measures. Garments have none: the network knows those
of its training photos too well for these to tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tqdm import tqdm

from model import checkpoint
from model.data.ccp import CcpItem
from model.evaluation.tasks.body import PartTask
from model.evaluation.tasks.semantic import SemanticTask
from model.evaluation.vocabularies import CCP19
from model.network.towers import TextTower
from model.parser import Forwarded, Parser
from model.questions import Questions
from model.training.reading import opened, options

NODES = ("skin", *PartTask.classes[1:])
STEP = 1.25
LEAST = 5e-4  # gains below this are the photos' own
PASSES = 6


class Photos:
    """Photos behind the network, to be read with one calibration after the other."""

    def __init__(self, parser: Parser, text: TextTower, items: Sequence[CcpItem], *, quiet: bool) -> None:
        self._parser, self._text, self._items = parser, text, items
        query = PartTask().query
        bar = tqdm(items, desc="photos", unit="photo", disable=quiet)
        self._seen: list[Forwarded] = [parser.forward([item.image], [query])[0] for item in bar]

    def score(self, calibration: Mapping[str, float]) -> float:
        """mIoU of the body's parts and mIoU of `ccp19`, added up."""
        parser, gloss = self._parser, self._parser.config.text.gloss
        questions = Questions(self._text, parser.device, gloss=gloss, calibration=calibration)
        parts, classes = PartTask(), SemanticTask(CCP19)
        for task in (parts, classes):
            question = questions.of(task.query)
            for item, seen in zip(self._items, self._seen, strict=True):
                task.add(item, parser.read(replace(seen, question=question)))
        return parts.result().summary["mIoU of the parts"] + classes.result().summary["mIoU"]


def fit(
    score: Callable[[Mapping[str, float]], float],
    nodes: Sequence[str],
    *,
    step: float = STEP,
    least: float = LEAST,
    passes: int = PASSES,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """Factors of the nodes, from 1 each, that nearly maximise `score`, which takes them by name.

    Each node in its turn goes up or down by the factor `step` for as long as that gains `least`; until a pass
    changes nothing, or `passes` are over.
    """
    factors, best = dict.fromkeys(nodes, 1.0), score({})
    say(f"without: {best:.4f}")
    for _ in range(passes):
        before = best
        for node in nodes:
            for change in (1 / step, step):
                found = best
                while (new := score({**factors, node: factors[node] * change})) >= best + least:
                    best, factors[node] = new, factors[node] * change
                if best > found:
                    say(f"{node} {factors[node]:.3f}: {best:.4f}")
                    break
        if best == before:
            break
    return {node: round(factor, 3) for node, factor in factors.items() if round(factor, 3) != 1.0}


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, and write the checkpoint with its factors; exit status."""
    p = options("calibrate", __doc__)
    p.add_argument("--passes", type=int, default=PASSES, help="at most; %(default)s by default")
    args = p.parse_args(argv)
    parser, dataset, config = opened(p, args)
    items = [dataset.load(id_) for id_ in dataset.ids[: args.photos]]
    photos = Photos(parser, checkpoint.load_text(args.checkpoint), items, quiet=args.quiet)
    config = replace(config, calibration=fit(photos.score, NODES, passes=args.passes))
    print(f"wrote {args.out}: revision {checkpoint.reconfigured(args.checkpoint, args.out, config)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
