"""A catalogue on one page that needs nothing else: numbers, what failed, labels, colours, some pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from service.catalogue.parts import Parts, write_text
from service.catalogue.summary import Counted, Summary, spread, summary

_MOST_LABELS, _MOST_PICTURES = 40, 16
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


def write(parts: Parts, asked: dict[str, Any]) -> Summary:
    """Write `summary.json` and `summary.html` of what the parts hold."""
    counted = summary(parts)
    write_text(parts.folder / "summary.json", json.dumps(counted.as_json() | asked, indent=1) + "\n")
    write_text(parts.folder / "summary.html", _page(counted, asked, list(_figures(parts))))
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
        f'<h2>Some of the pictures</h2><div class="some">{"".join(figures)}</div>' if figures else "",
        _section("Labels", counted.labels[:_MOST_LABELS]),
        _section("Main colours of garments and accessories", counted.colors),
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


def _figures(parts: Parts) -> Iterator[str]:
    """Some pictures with their segments drawn on them."""
    kept = parts.read("thumbnails")
    jpegs = dict(zip(kept["picture"].to_pylist(), kept["jpeg"].to_pylist(), strict=True))
    for name in spread(sorted(jpegs), _MOST_PICTURES):
        shown = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpegs[name]).decode("ascii")}">'
        yield f"<figure>{shown}<figcaption>{escape(name.rpartition('/')[2])}</figcaption></figure>"
