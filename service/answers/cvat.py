"""CVAT for images 1.1: an XML document of masks, each as row-wise runs within its box.

Format: docs.cvat.ai, 'CVAT for image'; the first run is background and may be empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np

from service.answers import pixels
from service.answers.sources import PERSON, Source, categories

# What XML 1.0 cannot say, not even as a reference.
_UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(given: Sequence[Source]) -> str:
    """The annotation file. Persons lie below (z_order 0) what they wear (z_order 1)."""
    root = Xml.Element("annotations")
    Xml.SubElement(root, "version").text = "1.1"
    names = [category["name"] for category in categories(given, persons=True)]
    labels = Xml.SubElement(Xml.SubElement(Xml.SubElement(root, "meta"), "task"), "labels")
    for name in names:
        _label(labels, name)
    for number, source in enumerate(given):
        root.append(_image(number, source))
    Xml.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _label(labels: Xml.Element, name: str) -> None:
    label = Xml.SubElement(labels, "label")
    Xml.SubElement(label, "name").text = _sayable(name)
    Xml.SubElement(label, "type").text = "mask"
    attributes = Xml.SubElement(label, "attributes")
    for attribute in ("person_id", "score"):
        described = Xml.SubElement(attributes, "attribute")
        for tag, text in (("name", attribute), ("mutable", "False"), ("input_type", "text")):
            Xml.SubElement(described, tag).text = text


def _image(number: int, source: Source) -> Xml.Element:
    height, width = source.size
    image = Xml.Element(
        "image", id=str(number), name=_sayable(source.name), width=str(width), height=str(height)
    )
    for label, person_id, part, order in _parts(source):
        mask = _mask(part, order)
        if mask is None:
            continue
        mask.set("label", _sayable(label))
        for name, value in (("person_id", person_id), ("score", part["score"])):
            Xml.SubElement(mask, "attribute", name=name).text = str(value)
        image.append(mask)
    return image


def _parts(source: Source) -> Iterator[tuple[str, int, Mapping[str, Any], int]]:
    """(label, person, part, z-order) of everything in the answer."""
    for person in source.persons:
        yield PERSON, person["id"], person, 0
    for segment in source.segments:
        yield segment["label"], segment["person_id"], segment, 1


def _mask(part: Mapping[str, Any], order: int) -> Xml.Element | None:
    """The element without its label; None for a part without pixels, which CVAT cannot hold."""
    left, top, width, height = part["bbox"]
    if not width or not height:
        return None
    inside = pixels.of(part["mask"])[top : top + height, left : left + width].ravel()
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    bounds = np.concatenate(([0] if not inside[0] else [0, 0], edges, [inside.size]))
    return Xml.Element(
        "mask",
        label="",
        source="auto",
        occluded="0",
        rle=", ".join(map(str, np.diff(bounds).tolist())),
        left=str(left),
        top=str(top),
        width=str(width),
        height=str(height),
        z_order=str(order),
    )


def _sayable(text: str) -> str:
    return _UNSAYABLE.sub("\ufffd", text)
