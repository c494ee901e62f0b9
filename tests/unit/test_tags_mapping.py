"""Every path of the vocabulary leads to a category of other taxonomies, or to none on purpose."""

from __future__ import annotations

import pytest

from model.vocabulary import TERMS, path_of
from service.tags import fashionpedia, google
from service.tags.link import Link, entries, linked

PATHS = sorted({"/".join(term.path[:depth]) for term in TERMS for depth in range(1, len(term.path) + 1)})
TABLES = [google, fashionpedia]


@pytest.mark.parametrize("table", TABLES)
def test_every_path_has_an_entry_of_its_own_or_above(table):
    for path in PATHS:
        steps = path.split("/")
        assert any("/".join(steps[:depth]) in table.ENTRIES for depth in range(1, len(steps) + 1)), path


@pytest.mark.parametrize("table", TABLES)
def test_no_entry_names_a_path_that_the_vocabulary_does_not_have(table):
    assert set(table.ENTRIES) <= set(PATHS)


@pytest.mark.parametrize("table", TABLES)
def test_every_entry_leads_to_a_category_that_there_is(table):
    assert all(entry is None or entry[0] in table.CATEGORIES for entry in table.ENTRIES.values())


def test_no_two_paths_are_the_same_as_one_category():
    for table in TABLES:
        exact = [entry[0] for entry in table.ENTRIES.values() if entry and entry[1] == "exact"]
        assert len(exact) == len(set(exact))


def test_google_categories_stand_below_ones_that_start_their_path():
    for path in google.CATEGORIES.values():
        assert path.split(" > ")[0] in ("Apparel & Accessories", "Luggage & Bags", "Home & Garden")
    assert len(set(google.CATEGORIES.values())) == len(google.CATEGORIES)


def test_fashionpedia_has_its_forty_six_categories_in_order():
    assert list(fashionpedia.CATEGORIES) == list(range(46))
    assert (fashionpedia.CATEGORIES[10], fashionpedia.CATEGORIES[23]) == ("dress", "shoe")


@pytest.mark.parametrize(
    ("prompt", "id_", "match"),
    [
        ("skirt", 1581, "exact"),
        ("pleated skirt", 1581, "broader"),
        ("mini skirt", 2331, "exact"),
        ("ankle boots", 187, "broader"),
        ("denim jacket", 5598, "broader"),
    ],
)
def test_a_prompt_finds_its_google_category(prompt, id_, match):
    found = google.google(path_of(prompt))
    assert (found.id, found.match) == (id_, match)
    assert found.name == google.CATEGORIES[id_]


def test_body_parts_and_unknown_prompts_have_no_category():
    for path in (path_of("face"), path_of("flurble"), ("nowhere", "at all")):
        assert google.google(path) is None
        assert fashionpedia.fashionpedia(path) is None


def test_an_entry_of_none_stops_the_way_up():
    table = entries({"a": 1}, {"a/b/c": 2}, ["a/b"])
    names = {1: "one", 2: "two"}
    assert linked(("a", "x"), table, names) == Link(1, "one", "broader")
    assert linked(("a", "b", "y"), table, names) is None
    assert linked(("a", "b", "c"), table, names) == Link(2, "two", "broader")


def test_a_path_may_stand_in_one_table_only():
    with pytest.raises(ValueError, match="a/b"):
        entries({"a/b": 1}, {}, ["a/b"])
