"""How the site is made of the repository's files, so that each text stands once and reads well in both.

Pages that live elsewhere in the tree are taken in; links that leave `docs` are led to those pages, or become
plain text; folders in the navigation become lists of their pages; blocks between `<!-- tabs -->` and
`<!-- /tabs -->` become tabs, one for each language.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# Page of the site -> the file it is made of.
TAKEN_IN = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "first-parse.md": "notebooks/first_parse.ipynb",
    "licence.md": "LICENSE",
    "model-card.md": "model/weights/mini/README.md",
    "sample-pictures.md": "tests/data/README.md",
}
TABS = {"sh": "curl", "python": "Python", "ts": "TypeScript"}
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_TABS = re.compile(r"^<!-- tabs -->\n(.*?)^<!-- /tabs -->$", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> None:
    """Fill the navigation: folders by their pages, and nothing that is not there."""
    docs = Path(config.docs_dir)
    config.nav = _present(config.nav or [], docs)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take in the pages that live outside of `docs`."""
    root = Path(config.docs_dir).parent
    for page, source in TAKEN_IN.items():
        if not (root / source).is_file():
            continue
        text = (root / source).read_text(encoding="utf8")
        if source.endswith(".ipynb"):
            text, pictures = notebook(json.loads(text), page.removesuffix(".md"))
            for name, data in pictures.items():
                files.append(File.generated(config, name, content=data))
        elif not source.endswith(".md"):
            text = f"# {page.removesuffix('.md').capitalize()}\n\n```text\n{text.strip()}\n```\n"
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page to where their targets are on the site, and make its tabs."""
    del files
    uri = page.file.src_uri
    root = Path(config.docs_dir).parent
    return tabs(led(markdown, TAKEN_IN.get(uri, f"docs/{uri}"), uri, root))


def led(markdown: str, source: str, uri: str, root: Path) -> str:
    """`markdown` of the file `source`, shown as the page `uri`, with links that are right there.

    A link to a file that the site does not show becomes its text; one to nothing stays, for the build to
    refuse.
    """

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        path, _, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return found[0]
        there = normpath(PurePosixPath(source).parent / path)
        if not (root / there).exists():
            return found[0]
        shown = _page_of(there, root)
        if shown is None:
            return words
        leads = relpath(shown, PurePosixPath(uri).parent)
        return f"{mark}[{words}]({leads}{'#' + anchor if anchor else ''})"

    pieces, end = [], 0
    for block in _FENCE.finditer(markdown):  # code is left as it is
        pieces += [_LINK.sub(link, markdown[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*pieces, _LINK.sub(link, markdown[end:])])


def tabs(markdown: str) -> str:
    """Code blocks that say the same in several languages -> tabs."""

    def grouped(found: re.Match[str]) -> str:
        made = []
        for block in _FENCE.findall(found[1]):
            language = block[3 : block.index("\n")].strip()
            indented = "\n".join(f"    {line}" if line else "" for line in block.splitlines())
            made.append(f'=== "{TABS[language]}"\n\n{indented}\n')
        return "\n".join(made)

    return _TABS.sub(grouped, markdown)


def notebook(cells: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and the pictures of its outputs by their place on the site."""
    text: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in cells["cells"]:
        source = "".join(cell["source"])
        text.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/jpeg" in data:
                place = f"images/{name}-{len(pictures) + 1}.jpg"
                pictures[place] = base64.b64decode("".join(data["image/jpeg"]))
                text.append(f"![What this cell shows]({place})")
            elif said := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
                text.append(f"```text\n{said}\n```")
    return "\n\n".join(text) + "\n", pictures


def _present(entries: list[Any], docs: Path) -> list[Any]:
    kept: list[Any] = []
    for entry in entries:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(target, list):
            target = _present(target, docs)
        elif target.endswith("/"):
            target = sorted(path.relative_to(docs).as_posix() for path in (docs / target).glob("*.md"))
        elif not _is_there(target, docs):
            continue
        if target:
            kept.append({title: target} if title else target)
    return kept


def _is_there(page: str, docs: Path) -> bool:
    source = TAKEN_IN.get(page)
    return (docs.parent / source if source else docs / page).is_file()


def _page_of(path: str, root: Path) -> str | None:
    """The page or file of the site that shows a file of the repository; of a folder, its first page."""
    inside = PurePosixPath(path)
    if (root / path).is_dir():
        first = sorted((root / path).glob("*.md"))
        return _page_of(first[0].relative_to(root).as_posix(), root) if first else None
    if inside.parts[0] == "docs":
        return inside.relative_to("docs").as_posix()
    return next((page for page, source in TAKEN_IN.items() if source == path), None)
