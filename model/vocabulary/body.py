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

_HEAD: tuple[Term, ...] = (
    _body("body", "every part of the body itself, hair and bare skin", "body part", "human body"),
    _body("body/head", "the part above the neck, with face and hair", "human head", gathers=("hair", "face")),
    _body("body/hair", "strands growing on the head around the face", "head of hair", "hairdo", "hairstyle",
          "haircut"),
    _body("body/hair/wavy hair", "hair that falls in soft waves around the face", "wavy", "waves"),
    _body("body/hair/curly hair", "hair in tight round curls around the face", "curly", "curls", "ringlets"),
    _body("body/hair/afro-hair", "dense frizzy hair in a round ball around the head",
          "afro", "afro hairstyle"),
    _body("body/hair/ponytail", "hair tied together, hanging behind the head", "pony tail", "pigtail"),
    _body("body/hair/bob", "straight hair cut at the height of the chin", "bob cut",
          "bob haircut", "bob hair"),
    _body("body/hair/bun", "hair rolled into a knot on top of or behind the head", "hair bun", "topknot",
          "chignon", "updo"),
    _body("body/hair/braid", "strands of hair woven together, hanging from the head", "plait", "cornrows",
          "dreadlocks"),
    _body("body/hair/bangs", "hair cut straight across the forehead"),
    _body("body/hair/beard", "hair growing on chin and cheeks of a man", "stubble", "facial hair", "goatee"),
    _body("body/hair/moustache", "hair growing between nose and upper lip", "mustache"),
)  # fmt: skip

_SKIN: tuple[Term, ...] = (
    _body("body/skin", "bare uncovered skin of the face, arms or legs", "bare skin", "naked skin",
          "exposed skin"),
    _body("body/skin/bald head", "a bare head without hair", "bald", "shaved head", "scalp"),
    _body("body/skin/face", "the bare front of the head with eyes, nose and mouth", "visage", "human face"),
    _body("body/skin/face/eye", "the round organ of sight in the face"),
    _body("body/skin/face/eyebrow", "the short line of hair above an eye", "brow"),
    _body("body/skin/face/nose", "the middle of the face, between eyes and mouth"),
    _body("body/skin/face/mouth", "the opening of the face with lips and teeth", "lips"),
    _body("body/skin/face/cheek", "the side of the face below the eye"),
    _body("body/skin/face/chin", "the lowest part of the face, below the mouth", "jaw"),
    _body("body/skin/face/forehead", "the top of the face, above the eyes"),
    _body("body/skin/face/ear", "the organ of hearing at the side of the head"),
    _body("body/skin/arm", "the bare limb between shoulder and wrist", "bare arm", "forearm", "upper arm",
          "lower arm", "left arm", "right arm"),
    _body("body/skin/arm/elbow", "the joint in the middle of the arm"),
    _body("body/skin/arm/wrist", "the joint between arm and hand"),
    _body("body/skin/hand", "the bare end of the arm with palm and fingers", "palm", "fist", "left hand",
          "right hand"),
    _body("body/skin/hand/finger", "one of the five thin ends of the hand", "thumb", "fingernail"),
    _body("body/skin/torso", "the bare trunk of the body with neck, chest and back", "bare torso",
          "upper body skin"),
    _body("body/skin/torso/neck", "the narrow part between head and shoulders", "throat"),
    _body("body/skin/torso/shoulder", "the joint where the arm meets the trunk", "bare shoulder"),
    _body("body/skin/torso/chest", "the front of the trunk, between neck and belly", "breast", "bosom",
          "cleavage", "decolletage"),
    _body("body/skin/torso/back", "the rear of the trunk, between neck and hips", "bare back"),
    _body("body/skin/torso/belly", "the soft front of the trunk between chest and hips, with the navel",
          "stomach", "tummy", "abdomen", "midriff", "abs", "navel"),
    _body("body/skin/torso/waist", "the narrow middle of the trunk above the hips", "hips"),
    _body("body/skin/leg", "the bare limb between hip and ankle", "bare leg", "left leg", "right leg"),
    _body("body/skin/leg/thigh", "the upper leg between hip and knee", "upper leg"),
    _body("body/skin/leg/knee", "the joint in the middle of the leg", "kneecap"),
    _body("body/skin/leg/calf", "the lower leg between knee and ankle", "lower leg", "shin"),
    _body("body/skin/leg/ankle", "the joint between leg and foot"),
    _body("body/skin/foot", "the bare end of the leg with toes and heel", "feet", "bare foot", "bare feet",
          "barefoot", "left foot", "right foot"),
    _body("body/skin/foot/toe", "one of the five short ends of the foot", "toenail"),
)  # fmt: skip

BODY_TERMS: tuple[Term, ...] = _HEAD + _SKIN
