"""`python -m model.training.existence`: what tells a label that is there from one that is made up.

Most segments that nobody wears are slivers along the edge of another garment, and the network is less sure of
them than of others. How sure it must be is learned here from pictures of `train`: made-up groups, photos side
by side, and photos. A segment is right when its person wears its class anywhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from tqdm import tqdm

from model import checkpoint
from model.data.ccp import CcpDataset
from model.data.synthetic.maker import SyntheticMaker
from model.evaluation.composites import composites
from model.evaluation.distant import distant
from model.evaluation.metrics.people import match_persons
from model.evaluation.scenes import SIZE, places, scene_table
from model.evaluation.vocabularies import CCP19
from model.parser import Parser
from model.parsing import Query
from model.reading.existence import FEATURES
from model.reading.postprocess import Answer
from model.training.reading import opened, options

SEED = 8_000_000_000  # of the first group: neither a training nor the evaluation draws from here
RIDGE = 1e-3  # holds weights of what hardly varies near nothing

Plane = NDArray[np.uint8]
Reals = NDArray[np.float64]


def fit(features: Reals, right: NDArray[np.bool_]) -> dict[str, float]:
    """Logistic regression: (n, F) by `FEATURES`, (n,) -> a weight by each name.

    Source: the mean log loss plus `RIDGE` times the squared weights, at its least. ValueError where all
    segments are right, or none is.
    """
    if right.all() or not right.any():
        raise ValueError("there must be segments that are right and some that are not")
    sign = np.where(right, 1.0, -1.0)

    def loss(weights: Reals) -> tuple[float, Reals]:
        margin = sign * (features @ weights)
        slope = -(sign * expit(-margin)) @ features / len(right)
        value = np.logaddexp(0, -margin).mean() + RIDGE * (weights @ weights)
        return float(value), slope + 2 * RIDGE * weights

    found = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x
    return {name: round(float(weight), 3) for name, weight in zip(FEATURES, found, strict=True)}


def judged(answer: Answer, classes: Plane, owner: Plane) -> tuple[Reals, NDArray[np.bool_]]:
    """Features (n, F) of a picture's segments, and whether each one's person wears its class: (n,).

    classes, owner (H, W): the truth by `CCP19`. Left out: whose person nobody is; what only competes.
    """
    grouping, legend = answer.grouping, answer.legend
    true_person = {found: true for true, found in match_persons(owner, grouping.people).items()}
    there = {
        (int(who), int(what))
        for who, what in np.unique(np.stack([owner, classes], -1).reshape(-1, 2), axis=0)
    }
    kept, right = [], []
    for number in range(1, len(grouping.label)):
        phrase = legend.phrase(int(grouping.label[number]))
        person = true_person.get(int(grouping.person[number]))
        if phrase is not None and person is not None:
            kept.append(number)
            right.append((person, CCP19.class_of_prompt(phrase)) in there)
    return answer.evidence()[kept], np.array(right, bool)


def pictures(
    dataset: CcpDataset, *, groups: int, pairs: int, photos: int, afar: int
) -> Iterator[tuple[Plane, Plane, Plane]]:
    """Image, classes by `CCP19` and owners of so many pictures of each sort.

    afar: photos whose people are shown small, each at every one of `model.evaluation.distant.SHARES`.
    """
    grounds, table = places(dataset), scene_table(CCP19)
    maker = SyntheticMaker(backgrounds=grounds)
    for number in range(groups):
        scene = maker.make(SEED + number, SIZE, people=2 + number % 5)
        yield scene.image, table[scene.classes], scene.persons
    for both in composites(dataset, pairs) if pairs else ():
        yield both.image, CCP19.truth(both.labels), both.owner
    for id_ in dataset.ids[:photos]:
        item = dataset.load(id_)
        yield item.image, CCP19.truth(item.labels), (item.labels > 0).astype(np.uint8)
    for small in distant(dataset, dataset.ids[:afar], grounds, SEED):
        yield small.image, CCP19.truth(small.labels), (small.labels > 0).astype(np.uint8)


def gathered(
    parser: Parser, pictures_: Iterable[tuple[Plane, Plane, Plane]]
) -> tuple[Reals, NDArray[np.bool_]]:
    """`judged` of all pictures, one after the other. ValueError where nobody is found in any."""
    query, features, right = Query(prompts=CCP19.prompts), [], []
    for image, classes, owner in pictures_:
        answer = parser.answer(parser.forward([np.ascontiguousarray(image)], [query])[0])
        if answer is not None and answer.frame.inner == classes.shape:
            known, true = judged(answer, classes, owner)
            features.append(known)
            right.append(true)
    if not right:
        raise ValueError("nobody was found in these pictures")
    return np.concatenate(features), np.concatenate(right)


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, and write the checkpoint with its weights; exit status."""
    p = options("existence", __doc__)
    p.add_argument("--groups", type=int, default=200, help="made-up groups; %(default)s by default")
    p.add_argument("--pairs", type=int, default=150, help="photos side by side; %(default)s by default")
    p.add_argument("--afar", type=int, default=60, help="photos to shrink people of; %(default)s by default")
    args = p.parse_args(argv)
    parser, dataset, config = opened(p, args)
    wanted = pictures(dataset, groups=args.groups, pairs=args.pairs, photos=args.photos, afar=args.afar)
    try:
        known, true = gathered(parser, tqdm(wanted, desc="pictures", unit="picture", disable=args.quiet))
        config = replace(config, existence=fit(known, true))
    except ValueError as error:
        p.error(str(error))
    print(f"{len(true)} segments, {int((~true).sum())} of them of nothing that their person wears")
    print(json.dumps(config.existence))
    print(f"wrote {args.out}: revision {checkpoint.reconfigured(args.checkpoint, args.out, config)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
