"""Terms of the body and of whole persons."""

from __future__ import annotations

from functools import partial

from model.vocabulary.term import Term, entry

_body = partial(entry, "body")

PERSON = entry(
    "person",
    "person",
    "a whole human figure with body, hair and everything worn",
    *("human", "human being", "people", "man", "men", "woman", "women", "girl", "boy", "child", "children"),
    *("lady", "ladies", "gentleman", "guy", "kid", "baby", "pedestrian", "individual", "somebody", "someone"),
    *("full person", "whole person", "adult", "teenager", "model", "female", "male", "bride", "groom"),
)

BODY_TERMS: tuple[Term, ...] = (
    _body("body/hair", "strands growing on the head around the face", "head of hair", "hairdo", "hairstyle",
          "haircut"),
    _body("body/skin", "bare uncovered skin of the face, arms or legs", "bare skin", "naked skin",
          "exposed skin"),
    _body("body/skin/face", "the bare front of the head with eyes, nose and mouth", "visage", "human face"),
    _body("body/skin/arm", "the bare limb between shoulder and wrist", "bare arm", "forearm", "upper arm",
          "lower arm", "left arm", "right arm"),
    _body("body/skin/hand", "the bare end of the arm with palm and fingers", "palm", "fist", "left hand",
          "right hand"),
    _body("body/skin/torso", "the bare trunk of the body with neck, chest and back", "trunk", "bare torso",
          "upper body skin"),
    _body("body/skin/leg", "the bare limb between hip and ankle", "bare leg", "left leg", "right leg"),
    _body("body/skin/foot", "the bare end of the leg with toes and heel", "feet", "bare foot", "bare feet",
          "barefoot", "left foot", "right foot"),
)
