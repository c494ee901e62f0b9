"""A catalogue on one page that needs nothing else: numbers, what failed, labels, colours, some pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from io import BytesIO
from typing import Any

import pyarrow.compute as pc

from service import errors, images
from service.answers import overlay
from service.catalogue import reading, rows
from service.catalogue.parts import Parts, write_text
from service.catalogue.summary import Counted, Summary, spread, summary
from service.settings import Settings

_THUMBNAILS, _THUMBNAIL_HEIGHT = 12, 360
_MOST = 40  # labels that are shown
_STYLE = """
:root { color-scheme: light dark; --soft: color-mix(in srgb, currentColor 14%, transparent) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem } dt { opacity: .7 } dd { margin: 0; font-size: 1.6rem }
table { border-collapse: collapse; width: 100% } td, th { padding: .15rem .75rem .15rem 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums; width: 5rem } td.bar { width: 50% }
meter { width: 100% } .some { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0 } figure img { height: 15rem; border-radius: 6px; max-width: 100% }
figcaption { font-size: .8rem; opacity: .7; max-width: 20rem; overflow-wrap: anywhere }
code { background: var(--soft); border-radius: 4px; padding: 0 .3em }
"""


def write(parts: Parts, asked: dict[str, Any], settings: Settings) -> Summary:
    """Write `summary.json` and `summary.html` of what the parts hold."""
    counted = summary(parts)
    write_text(parts.folder / "summary.json", json.dumps(counted.as_json() | asked, indent=1) + "\n")
    write_text(parts.folder / "summary.html", _page(counted, asked, list(_figures(parts, settings))))
    return counted


def _page(counted: Summary, asked: dict[str, Any], figures: Sequence[str]) -> str:
    facts = {
        "pictures": counted.pictures,
        "failed": counted.failed,
        "persons": counted.persons,
        "segments": counted.segments,
        "pictures without a person": counted.without_person,
    }
    body = [
        "<h1>Catalogue</h1>",
        f"<dl>{''.join(f'<div><dt>{what}</dt><dd>{n:,}</dd></div>' for what, n in facts.items())}</dl>",
        f"<p>Asked: <code>{escape(json.dumps(asked, ensure_ascii=False))}</code></p>",
        _section("Failures by code", counted.errors),
        _section("Labels", counted.labels[:_MOST]),
        _section("Main colours of garments and accessories", counted.colors),
        f'<h2>Some of the pictures</h2><div class="some">{"".join(figures)}</div>' if figures else "",
    ]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Catalogue</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _section(title: str, counted: Counted) -> str:
    if not counted:
        return ""
    most = counted[0][1]
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="n">{count:,}</td>'
        f'<td class="bar"><meter value="{count}" max="{most}">{count}</meter></td></tr>'
        for name, count in counted
    )
    return f"<h2>{title}</h2><table>{lines}</table>"


def _figures(parts: Parts, settings: Settings) -> Iterator[str]:
    """Some pictures that have segments, with these drawn on them; but for what cannot be read any more."""
    owners = pc.unique(parts.read("segments", ["picture"])["picture"]).to_pylist()
    for name in spread(sorted(owners), _THUMBNAILS):
        (data,) = reading.read([name], settings)
        try:
            drawn = _drawn(parts, name, data, settings)
        except (errors.SpectrumError, ValueError):
            continue
        caption = escape(name.rpartition("/")[2])
        shown = f'<img alt="" src="data:image/jpeg;base64,{drawn}">'
        yield f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _drawn(parts: Parts, name: str, data: reading.Read, settings: Settings) -> str:
    """The picture under its segments, a JPEG in base64."""
    if isinstance(data, errors.SpectrumError):
        raise data
    pixels = images.decode(data, images.Limits.of(settings))
    parsing = overlay.Answered.of(answer_of(parts, name))
    packed = BytesIO()
    overlay.draw(pixels, parsing, height=_THUMBNAIL_HEIGHT).save(packed, "JPEG", quality=80)
    return base64.b64encode(packed.getvalue()).decode("ascii")


def answer_of(parts: Parts, name: str) -> dict[str, Any]:
    """The service's answer again, of one picture of the catalogue. KeyError where it has none."""
    found = {kind: parts.read(kind, where=name).to_pylist() for kind in ("pictures", "segments")}
    if not found["pictures"] or found["pictures"][0]["error_code"] is not None:
        raise KeyError(name)
    return rows.answer(found["pictures"][0], found["segments"])
