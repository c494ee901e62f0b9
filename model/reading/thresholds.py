"""Every constant of the reading, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

_SHARES = (
    "dense_weight",
    "finer_claim",
    "finer_worth",
    "person",
    "person_iou",
    "person_containment",
    "person_area",
    "person_visible",
    "person_compact",
    "person_named",
    "piece_share",
    "head",
    "head_inside",
    "head_share",
    "closer_margin",
    "closer_small",
    "part_share",
    "split_share",
    "split_person",
    "touch_contact",
    "touch_small",
    "speck_share",
    "doubt",
    "doubtful_share",
    "existence",
    "existence_share",
    "color_coverage",
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Constants of the reading; shares lie in 0..1. `docs/decisions/0003-reading.md` says why.

    A *cell* is one entry of the maps that labels compete on, as large as it lies on the picture: of the
    network's stride-4 maps, or of finer ones after a closer look. Rules stated in cells mean the same on a
    thumbnail and on a 40-megapixel picture.
    """

    dense_weight: float = 0.5  # semantic map = this x dense + (1 - this) x queries
    finer_claim: float = 0.5  # a finer term has a pixel when it reaches this share of the coarser one
    finer_worth: float = 0.01  # ... unless the coarser one stays below this share of the cell's best term
    person: float = 0.3  # least 'person' probability of a query that may become a person
    person_iou: float = 0.5  # of two person masks that overlap more than this, the better one stays
    person_containment: float = 0.8  # the same, for intersection over the smaller mask
    person_area: float = 0.0005  # least visible share of the picture
    person_visible: float = 0.2  # least share of the own mask that no better person covers
    person_compact: float = 0.5  # least share of a person's mask that its largest piece holds
    person_named: float = 0.2  # least share of a person's pixels that some part has, asked for or not
    piece_share: float = 0.1  # a piece of a person's mask may be another person: of the largest piece ...
    head: float = 0.5  # ... with cells of face or hair at least this likely ...
    head_cells: int = 4  # ... and so many of them
    head_inside: float = 0.4  # a mask that holds this share of each of several heads is of several people ...
    head_share: float = 0.3  # ... where a head has this share of the largest one's area ...
    head_apart: float = 0.8  # ... and is so many widths to the side of it: a hat or glasses may part a head
    closer_most: int = 8  # people of one picture who get a closer look each, where the config asks for it
    closer_margin: float = 0.1  # what a closer look sees around a person, in the longer side of the person
    closer_small: float = 0.35  # one person alone gets one where that has less than this share of the picture
    closer_weight: float = 3.0  # first looks that a closer one counts for
    part_share: float = 0.5  # a part belongs to people when this share of it lies inside their masks
    split_share: float = 0.1  # a person has a substantial share of a part: this share of the part ...
    split_person: float = 0.02  # ... or this share of the person
    touch_reach: float = 1.5  # cells over which a part still touches a person
    touch_contact: float = 0.01  # least person pixels within that reach, as a share of the part
    touch_accessory: float = 0.5  # largest accessory that belongs by touch, in areas of its person
    touch_small: float = 0.05  # the same for anything else: a shoe below a mask that ends too early
    speck_cells: float = 1.0  # smaller pieces are dropped, in cells ...
    speck_share: float = 0.0005  # ... and as a share of their person
    doubt: float = 0.4  # a label less likely than this on what it has of a person is left out ...
    doubtful_share: float = 0.08  # ... where that is less than this share of the person
    existence: float = 0.5  # so is, where a checkpoint has weights for it, one whose likelihood is less ...
    existence_share: float = 0.15  # ... where that is less than this share of the person
    colors: int = 3  # colours a segment
    color_distance: float = 18.0  # CIELAB distance within which two colours are one
    color_coverage: float = 0.08  # least share of a segment that a colour covers
    working_pixels: int = 4_194_304  # larger pictures are read at this many pixels, then enlarged

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {getattr(self, name)}")
        for item in fields(self):
            if getattr(self, item.name) < 0:
                raise ValueError(f"{item.name} must not be negative: {getattr(self, item.name)}")
        if self.working_pixels < 1:
            raise ValueError(f"working_pixels must be at least 1, not {self.working_pixels}")
