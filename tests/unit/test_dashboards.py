"""The dashboard and the alerts that are committed are those of their source, and hold together."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from k8s.monitoring import alerts, dashboard
from k8s.monitoring.outputs import ROOT, texts, write
from tests.unit.promql import selected

PANELS = [panel for row in dashboard.ROWS for panel in row.panels]
QUERIES = [query for panel in PANELS for query, _ in panel.queries]
CONDITIONS = [alert.condition for alert in alerts.ALERTS]


@pytest.mark.parametrize("path", texts(), ids=str)
def test_a_file_holds_what_its_source_says(path: Path) -> None:
    assert (ROOT / path).read_text(encoding="utf8") == texts()[path], "run python -m k8s.monitoring"


def test_writing_changes_what_differs(tmp_path: Path) -> None:
    write(tmp_path)
    path = next(iter(texts()))
    (tmp_path / path).write_text("{}", encoding="utf8")
    write(tmp_path)
    assert (tmp_path / path).read_text(encoding="utf8") == texts()[path]


@pytest.mark.parametrize("expression", QUERIES + CONDITIONS)
def test_an_expression_reads_metrics(expression: str) -> None:
    assert selected(expression)


def test_a_typing_error_is_no_promql() -> None:
    with pytest.raises(ValueError, match=r"unclosed|expected|invalid|unexpected"):
        selected("sum(rate(parse_requests_total[5m])")


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = dashboard.document()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_every_query_of_a_panel_reaches_the_file() -> None:
    targets = [t["expr"] for panel in dashboard.document()["panels"] for t in panel.get("targets", [])]
    assert targets == QUERIES
    assert (
        json.loads((ROOT / "k8s/components/monitoring/spectrum.json").read_text("utf8"))["uid"] == "spectrum"
    )


@pytest.mark.parametrize("alert", alerts.ALERTS, ids=lambda alert: alert.name)
def test_an_alert_has_a_page_that_names_it(alert: alerts.Alert) -> None:
    assert f"`{alert.name}`" in (ROOT / alert.page).read_text(encoding="utf8")


def test_every_page_belongs_to_an_alert() -> None:
    pages = {f"{alerts.RUNBOOKS}/{path.name}" for path in (ROOT / alerts.RUNBOOKS).glob("*.md")}
    assert pages == {alert.page for alert in alerts.ALERTS}


def test_prometheus_and_its_operator_get_the_same_rules() -> None:
    assert alerts.resource()["spec"] == alerts.rules()
    assert len({alert.name for alert in alerts.ALERTS}) == len(alerts.ALERTS)
