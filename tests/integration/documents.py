"""The examples of the documents: found in their code blocks, and led to a server of the test."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_STRIPS_TYPES = (23, 6)  # the version of Node from which on it runs TypeScript as it is


@dataclass(frozen=True)
class Example:
    """A code block: where it stands, in which language, what it says."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(page: str, *languages: str) -> Iterator[Example]:
    """The code blocks of a page in these languages."""
    text = (ROOT / page).read_text(encoding="utf8")
    for found in _BLOCK.finditer(text):
        if found[2] in languages:
            yield Example(page, text.count("\n", 0, found.start()) + 1, found[2], found[3])


def at(code: str, service: str, elsewhere: str) -> str:
    """The code with its addresses led to the test's own servers; all else is left as a reader copies it."""
    for address in ("http://127.0.0.1:8000", "https://parse.example.org"):
        code = code.replace(address, service)
    return re.sub(r"https://(images\.example\.com|example\.org|shop\.example)(?=/)", elsewhere, code)


@cache
def node() -> Path | None:
    """A Node that runs TypeScript: the machine's, or the one that playwright brings along."""
    found = [Path(path) for path in [shutil.which("node")] if path]
    spec = find_spec("playwright")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "driver" / "node")
    return next((path for path in found if path.is_file() and _version(path) >= _STRIPS_TYPES), None)


def _version(path: Path) -> tuple[int, ...]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
