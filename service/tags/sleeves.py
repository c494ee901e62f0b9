"""How long the sleeves of a garment are, from where the bare arm begins below it."""

from __future__ import annotations

from typing import Literal

from service.tags.seen import Segment
from service.tags.worn import Mask, Worn

Sleeve = Literal["sleeveless", "short", "long"]

_UPPER = ("upper body", "whole body")
_WITHOUT = ("cape", "poncho")  # cloth over the arms, but no sleeves

# Limits chosen on training photos. Heights are shares of the person's height, measured from the garment's
# upper edge; areas and contacts have the units of `Worn`.
_HIGHEST = 0.24  # what begins below is a skirt, or the part of a garment that another one leaves free
_LEAST_SHARE = 0.3  # of all garments of the trunk
_LEAST_CONTACT_SHARE = 0.6  # of all that they touch of arms and hands: the outermost garment touches most
_NO_ARM = 1.0  # area
_HAND_CONTACT, _ARM_CONTACT = 2.0, 4.0
_LONG_FROM = 0.195
_SHORT = (0.06, 0.145)
_SLEEVELESS_TO = 0.05
_SHORT_ARM, _BARE_ARM = (8.0, 20.0), (10.0, 25.0)  # least area, least contact


def sleeve_length(worn: Worn, segment: Segment) -> Sleeve | None:
    """'short' ends above the elbow, 'long' below it; None where it cannot be told or is near a limit.

    Arms, hands, face or hair and feet or shoes must have been looked for, as in the default vocabulary.
    """
    if not worn.upright or segment.taxonomy[-1:] in [(name,) for name in _WITHOUT] or not _is_upper(segment):
        return None
    mask = worn.mask(segment)
    arm, hand = worn.part("arm"), worn.part("hand")
    if not mask.any() or not _outermost(worn, mask, arm | hand):
        return None
    return _by_arm(worn, mask, arm) if worn.area(arm) >= _NO_ARM else _by_hand(worn, mask, hand)


def _is_upper(segment: Segment) -> bool:
    return bool(segment.taxonomy) and segment.taxonomy[0] in _UPPER


def _outermost(worn: Worn, mask: Mask, limbs: Mask) -> bool:
    uppers = worn.all(_is_upper)
    if worn.span(mask, 0.02, 1)[0] > _HIGHEST or mask.sum() < _LEAST_SHARE * uppers.sum():
        return False
    all_of_it = sum(worn.contact(worn.mask(other), limbs) for other in worn.segments if _is_upper(other))
    return worn.contact(mask, limbs) >= _LEAST_CONTACT_SHARE * all_of_it


def _by_hand(worn: Worn, mask: Mask, hand: Mask) -> Sleeve | None:
    """No arm is bare: the sleeve goes to the hand, if there is one."""
    return "long" if worn.contact(mask, hand) >= _HAND_CONTACT else None


def _by_arm(worn: Worn, mask: Mask, arm: Mask) -> Sleeve | None:
    area, contact = worn.area(arm), worn.contact(mask, arm)
    begins = worn.span(arm, 0.05, 1)[0] - worn.span(mask, 0.02, 1)[0]
    if begins >= _LONG_FROM:
        return "long" if contact >= _ARM_CONTACT else None
    if begins <= _SLEEVELESS_TO:
        return "sleeveless" if (area, contact) >= _BARE_ARM and contact >= _BARE_ARM[1] else None
    if _SHORT[0] <= begins <= _SHORT[1] and area >= _SHORT_ARM[0] and contact >= _SHORT_ARM[1]:
        return "short"
    return None
