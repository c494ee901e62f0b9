"""The files that are written from the source, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from k8s.monitoring import alerts, dashboard

ROOT = Path(__file__).resolve().parents[2]
_HEAD = "# Written by python -m k8s.monitoring; change k8s/monitoring/alerts.py instead.\n"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # untyped
    """Indents lists within mappings, as the other files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def texts() -> dict[Path, str]:
    """Each file's path in the repository and what it should hold."""
    return {
        Path("k8s/components/monitoring/spectrum.json"): json.dumps(dashboard.document(), indent=1) + "\n",
        Path("k8s/components/monitoring/rules.yaml"): _yaml(alerts.resource()),
        Path("docker/prometheus/rules.yml"): _yaml(alerts.rules()),
    }


def write(root: Path = ROOT) -> None:
    """Write every file under `root`."""
    for path, text in texts().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf8")


def _yaml(document: dict[str, Any]) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=76, allow_unicode=True)
    return _HEAD + text
