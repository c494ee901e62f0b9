"""Dockerfile, Compose and Kubernetes files of one tree, as the tests look at them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("cpu", "gpu")
ROLES = ("api", "worker")
_KINDS = ("Dockerfile", "docker-compose.yml", "docker", "k8s")


@cache  # the tests read the same texts again and again
def _parsed(text: str) -> list[Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(text, Loader=loader))


@dataclass(frozen=True)
class Tree:
    """The files under `root`."""

    root: Path = ROOT

    def text(self, path: str) -> str:
        """A file's text."""
        return (self.root / path).read_text(encoding="utf8")

    def documents(self, path: str) -> list[dict[str, Any]]:
        """The documents of a YAML file."""
        return [found for found in _parsed(self.text(path)) if found]

    def manifest(self, kind: str, name: str, path: str) -> dict[str, Any]:
        """One resource of a file of `k8s`."""
        found = [
            d for d in self.documents(f"k8s/{path}") if (d["kind"], d["metadata"]["name"]) == (kind, name)
        ]
        return found[0]

    def pod(self, role: str) -> dict[str, Any]:
        """The pod that a role's Deployment makes, before an overlay has its say."""
        return dict(self.manifest("Deployment", role, f"base/{role}.yaml")["spec"]["template"])

    def container(self, role: str) -> dict[str, Any]:
        """The one container of that pod."""
        return dict(self.pod(role)["spec"]["containers"][0])

    def patched(self, overlay: str) -> dict[str, Any]:
        """What an overlay says of a worker's container."""
        patch = self.documents(f"k8s/overlays/{overlay}/worker.yaml")[0]
        return dict(patch["spec"]["template"]["spec"]["containers"][0])

    def shared(self) -> dict[str, str]:
        """The settings that every pod reads."""
        return dict(self.manifest("ConfigMap", "spectrum-settings", "base/settings.yaml")["data"])

    def environment(self, role: str, overlay: str = "cpu") -> dict[str, str]:
        """What a pod's process finds in its environment, secrets left out."""
        entries = [*self.container(role).get("env", [])]
        entries += self.patched(overlay)["env"] if role == "worker" else []
        own = {entry["name"]: entry["value"] for entry in entries if "value" in entry}
        return self.shared() | own

    def compose(self) -> dict[str, Any]:
        """Compose's services, variables of the environment at their defaults."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", self.text("docker-compose.yml"))
        return dict(_parsed(text)[0]["services"])

    def stage(self, target: str) -> str:
        """The part of the Dockerfile that builds one target."""
        found = re.search(
            rf"^FROM \S+ AS {target}$(.*?)(?=^FROM |\Z)", self.text("Dockerfile"), re.MULTILINE | re.DOTALL
        )
        assert found, f"the Dockerfile has no target {target}"
        return found[1]

    def variables(self) -> Iterator[tuple[str, str, str]]:
        """(file, name, value) of every variable that a file of ours sets for a process of ours."""
        for name, service in self.compose().items():
            if name == "api" or name.startswith("worker"):
                yield from (("docker-compose.yml", *pair) for pair in service.get("environment", {}).items())
        for overlay in OVERLAYS:
            for role in ROLES:
                yield from (
                    (f"k8s {overlay} {role}", *pair) for pair in self.environment(role, overlay).items()
                )
        found = re.findall(r"(SPECTRUM_[A-Z_]+)=(\S+)", self.text("Dockerfile"))
        yield from (("Dockerfile", *pair) for pair in found)

    def triggers(self) -> dict[str, dict[str, Any]]:
        """What the autoscaler follows, by name."""
        scaled = self.manifest("ScaledObject", "worker", "components/keda/scaledobject.yaml")
        return {trigger["name"]: trigger for trigger in scaled["spec"]["triggers"]}

    def referenced(self) -> set[str]:
        """Keys of the Secret that a file of `k8s` names."""
        texts = [path.read_text(encoding="utf8") for path in sorted((self.root / "k8s").rglob("*.yaml"))]
        keys = {key for text in texts for key in re.findall(r"name: spectrum-secrets, key: ([\w.-]+)", text)}
        redis = self.manifest("StatefulSet", "redis", "components/redis/redis.yaml")
        volumes = redis["spec"]["template"]["spec"]["volumes"]
        return keys | {item["key"] for v in volumes if "secret" in v for item in v["secret"]["items"]}

    def written(self, folder: Path) -> dict[str, str]:
        """What docker/secrets.sh puts into a new folder: name -> text."""
        script = self.root / "docker" / "secrets.sh"
        subprocess.run(["sh", str(script), str(folder)], check=True, capture_output=True, timeout=30)
        return {path.name: path.read_text(encoding="utf8") for path in folder.iterdir()}


def copy(to: Path) -> Tree:
    """A copy of the tree's files to change."""
    for kind in _KINDS:
        for path in [ROOT / kind, *sorted((ROOT / kind).rglob("*"))]:
            if path.is_file() and path.suffix != ".pyc":
                target = to / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    return Tree(to)
