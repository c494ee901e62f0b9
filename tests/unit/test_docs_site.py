"""The site of the documents: it builds strictly, shows what lives elsewhere in the tree, and calls nobody."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a browser fetches by itself: scripts, pictures, frames, styles and fonts; not what a reader may click.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=["']?(?P<src>[^"'\s>]+)"""
    r"""|<link\b[^>]*?\bhref=["']?(?P<href>[^"'\s>]+)"""
    r"""|url\(["']?(?P<url>[^"')]+)"""
    r"""|@import\s+["'](?P<css>[^"']+)"""
)


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The hook that makes the site's pages."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "theme" / "pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    fetched = {
        (path.name, next(filter(None, found.groups())))
        for path in site.rglob("*")
        if path.suffix in (".html", ".css")
        for found in FETCHED.finditer(path.read_text(encoding="utf8"))
    }
    assert fetched
    assert not [(page, target) for page, target in fetched if re.match(r"(?i)https?:|//", target)]


def test_every_page_that_lives_elsewhere_is_on_the_site(site: Path, pages: ModuleType) -> None:
    for page, source in pages.TAKEN_IN.items():
        assert (ROOT / source).is_file(), source
        assert (site / page).with_suffix(".html").is_file()
    card = (site / "model-card.html").read_text(encoding="utf8")
    assert 'href="decisions/0006-tagged-photos.html"' in card


def test_every_page_can_be_found_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf8")
    listed = set(re.findall(r'href="([^"#]+\.html)"', home))
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html", "index.html"}
    assert pages <= listed


def test_languages_are_tabs_on_the_site_and_blocks_in_the_repository(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf8")
    assert re.search(r">curl</label><label[^>]*>Python</label><label[^>]*>TypeScript</label>", page)
    assert '=== "' not in page


def test_the_notebooks_page_shows_its_pictures(site: Path) -> None:
    page = (site / "first-parse.html").read_text(encoding="utf8")
    pictures = re.findall(r'src="(images/first-parse-\d+\.jpg)"', page)
    assert len(pictures) > 2
    for picture in pictures:
        assert (site / picture).read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("link", "led"),
    [
        ("[a](api.md#masks)", "[a](api.md#masks)"),
        ("[a](../CHANGELOG.md)", "[a](changelog.md)"),
        ("[a](../model/weights/mini/README.md#limits)", "[a](model-card.md#limits)"),
        ("[`code`](../model/parser.py)", "`code`"),
        ("[a](decisions)", "[a](decisions/0001-one-code-base-two-presets.md)"),
        ("[a](https://example.org)", "[a](https://example.org)"),
        ("[a](../nowhere.md)", "[a](../nowhere.md)"),  # which the build refuses
        ("![a](images/result.jpg)", "![a](images/result.jpg)"),
        ("[a](#here)", "[a](#here)"),
        ("```sh\n[a](../CHANGELOG.md)\n```", "```sh\n[a](../CHANGELOG.md)\n```"),
    ],
)
def test_a_link_leads_on_the_site_where_it_leads_in_the_repository(
    pages: ModuleType, link: str, led: str
) -> None:
    assert pages.led(link, "docs/page.md", "page.md", ROOT) == led


def test_links_of_a_page_in_a_folder_and_of_one_taken_in(pages: ModuleType) -> None:
    above = pages.led("[a](../../CONTRIBUTING.md)", "docs/decisions/a.md", "decisions/a.md", ROOT)
    assert above == "[a](../contributing.md)"
    readme = pages.led("[a](docs/api.md)", "CONTRIBUTING.md", "contributing.md", ROOT)
    assert readme == "[a](api.md)"
