"""Each overlay as Kubernetes gets it: rendered by kubectl and held against the schemas of its kinds.

Needs the extra `manifests` (`make manifests` installs it); skipped without.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.manifest_tree import OVERLAYS, ROOT, Tree

kubernetes = pytest.importorskip("kubernetes_validate")
keda = pytest.importorskip("cloudcoil.models.keda.v1alpha1")
operator = pytest.importorskip("cloudcoil.models.prometheus_operator.v1")
KUBECTL = shutil.which("kubectl", path=Path(sys.executable).parent) or shutil.which("kubectl")
if KUBECTL is None:
    pytest.skip("no kubectl", allow_module_level=True)

CUSTOM = {
    "ScaledObject": keda.ScaledObject,
    "TriggerAuthentication": keda.TriggerAuthentication,
    "PodMonitor": operator.PodMonitor,
    "PrometheusRule": operator.PrometheusRule,
    "ServiceMonitor": operator.ServiceMonitor,
}


@cache
def rendered(overlay: str) -> tuple[dict[str, Any], ...]:
    command = [str(KUBECTL), "kustomize", str(ROOT / "k8s" / "overlays" / overlay)]
    text = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    return tuple(yaml.safe_load_all(text))


def pods(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in rendered(overlay):
        if "template" in resource.get("spec", {}):
            yield resource["metadata"]["name"], resource["spec"]["template"]["spec"]


def named(overlay: str, kind: str, name: str) -> dict[str, Any]:
    (found,) = [r for r in rendered(overlay) if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def check(resource: dict[str, Any]) -> None:
    """Raises where a resource does not fit the schema of its kind, fields that it does not know included."""
    if model := CUSTOM.get(resource["kind"]):
        understood = model.model_validate(resource).model_dump(by_alias=True, exclude_unset=True, mode="json")
        assert understood == resource
    else:
        kubernetes.validate(resource, kubernetes.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_fits_the_schema_of_its_kind(overlay: str) -> None:
    kinds = {resource["kind"] for resource in rendered(overlay)}
    assert set(CUSTOM) < kinds
    for resource in rendered(overlay):
        check(resource)


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "PodMonitor", "NetworkPolicy"])
def test_a_misspelt_field_is_noticed(kind: str) -> None:
    resource = next(resource for resource in rendered("cpu") if resource["kind"] == kind)
    with pytest.raises((AssertionError, kubernetes.ValidationError)):
        check(resource | {"spec": resource["spec"] | {"replcas": 2}})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_lies_in_the_one_namespace(overlay: str) -> None:
    spaces = {r["metadata"].get("namespace") for r in rendered(overlay) if r["kind"] != "Namespace"}
    assert spaces == {"spectrum"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_meets_the_restricted_standard(overlay: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, 'Restricted'."""
    labels = named(overlay, "Namespace", "spectrum")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    volumes = {"configMap", "emptyDir", "secret", "persistentVolumeClaim"}
    for name, spec in pods(overlay):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all(set(volume) - {"name"} <= volumes for volume in spec.get("volumes", []))
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
            assert "limits" in container["resources"] and "requests" in container["resources"], name
        assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_that_may_be_evicted_has_a_budget_and_is_spread(overlay: str) -> None:
    for name in ("api", "worker"):
        wanted = named(overlay, "PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"]
        template = named(overlay, "Deployment", name)["spec"]["template"]
        assert wanted.items() <= template["metadata"]["labels"].items()
        spread = template["spec"]["topologySpreadConstraints"]
        assert {entry["topologyKey"] for entry in spread} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        assert all(entry["labelSelector"] == {"matchLabels": wanted} for entry in spread)
        # Else a lost node's pods are replaced after five minutes.
        borne = {entry["key"]: entry.get("tolerationSeconds") for entry in template["spec"]["tolerations"]}
        assert borne["node.kubernetes.io/not-ready"] == borne["node.kubernetes.io/unreachable"] == 30


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_number_of_workers_is_the_autoscalers_alone(overlay: str) -> None:
    assert "replicas" not in named(overlay, "Deployment", "worker")["spec"]
    target = named(overlay, "ScaledObject", "worker")["spec"]["scaleTargetRef"]["name"]
    assert named(overlay, "Deployment", target)


def test_each_overlay_runs_its_own_image_on_its_own_device() -> None:
    for overlay, image, device in (("cpu", "spectrum", "cpu"), ("gpu", "spectrum-worker", "cuda")):
        (container,) = named(overlay, "Deployment", "worker")["spec"]["template"]["spec"]["containers"]
        assert container["image"].partition(":")[0] == image
        values = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert values["SPECTRUM_DEVICE"] == device
        assert container["args"] == ["worker"]
        assert container["resources"]["limits"].get("nvidia.com/gpu") == (1 if overlay == "gpu" else None)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_dashboard_is_where_grafana_looks_for_it(overlay: str) -> None:
    held = named(overlay, "ConfigMap", "spectrum-dashboard")
    assert held["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert held["data"]["spectrum.json"] == Tree().text("k8s/components/monitoring/spectrum.json")
