"""What the documents promise exists: settings, routes, error codes, files they point to, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.settings import Settings
from service.web import batch as routes_batch
from service.web import events as routes_events
from service.web import jobs as routes_jobs
from service.web import parse as routes_parse
from service.web import status as routes_status

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def text(page: Path) -> str:
    return page.read_text(encoding="utf8")


def anchors(page: Path) -> set[str]:
    """The names that a page's headings get as link targets."""
    heads = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_settings_that_exist(page: Path) -> None:
    named = set(re.findall(r"SPECTRUM_[A-Z_]*[A-Z]", text(page)))
    named.discard("SPECTRUM_TEST_SERVER")  # which is one of the tests
    assert named <= {f"SPECTRUM_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_points_to_what_is_there(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"<!--.*?-->", "", text(page), flags=re.DOTALL)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        missing = not target.exists() or (anchor and anchor not in anchors(target))
        if missing and not link.startswith("http"):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_make_targets_that_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", text(page), re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_the_api_page_lists_every_route() -> None:
    told = set(re.findall(r"`(GET|POST|PUT|DELETE) (/[^`]*)`", text(ROOT / "docs" / "api.md")))
    served = {
        (method, getattr(route, "path", ""))
        for module in (routes_parse, routes_batch, routes_jobs, routes_events, routes_status)
        for route in module.router.routes
        for method in getattr(route, "methods", ())
    }
    assert told == served - {("GET", "/")}
