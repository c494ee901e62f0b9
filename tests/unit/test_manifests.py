"""Dockerfile, Compose and Kubernetes files say what the code says: ports, probes, settings, keys, users."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis.asyncio import Redis

from service.delivery.broker import Broker
from service.delivery.jobs import Jobs
from service.settings import Settings
from service.web import parse as routes_parse
from service.web import status as routes_status

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf8")
DEFAULTS = Settings.model_fields
COMPOSE = ("docker-compose.yml", "docker/compose.gpu.yml")
ENTRIES = ("api", "worker")


def documents(path: str) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all((ROOT / path).read_text(encoding="utf8")) if found]


def manifest(kind: str, name: str, path: str) -> dict[str, Any]:
    return next(d for d in documents(path) if (d["kind"], d["metadata"]["name"]) == (kind, name))


def pod(name: str) -> dict[str, Any]:
    return dict(manifest("Deployment", name, f"k8s/base/{name}.yaml")["spec"]["template"])


def container(name: str) -> dict[str, Any]:
    return dict(pod(name)["spec"]["containers"][0])


def shared_settings() -> dict[str, str]:
    return dict(manifest("ConfigMap", "spectrum-settings", "k8s/base/settings.yaml")["data"])


def environment(name: str) -> dict[str, str]:
    """What a pod's process finds in its environment."""
    own = {entry["name"]: entry["value"] for entry in container(name).get("env", [])}
    return shared_settings() | own


def known_names() -> set[str]:
    """Names of the environment that the settings read."""
    prefix = str(Settings.model_config["env_prefix"])
    return {"REDIS_URL"} | {f"{prefix}{name}".upper() for name in DEFAULTS}


def everywhere() -> Iterator[tuple[str, str, str]]:
    """(file, name, value) of every variable that a file of ours sets for a process of ours."""
    for path in COMPOSE:
        for service in documents(path)[0]["services"].values():
            yield from ((path, *pair) for pair in service.get("environment", {}).items())
    for name in ENTRIES:
        yield from ((f"k8s/base/{name}.yaml", *pair) for pair in environment(name).items())
    yield from (("Dockerfile", *pair) for pair in re.findall(r"(SPECTRUM_[A-Z_]+)=(\S+)", DOCKERFILE))


def probes(name: str) -> dict[str, dict[str, Any]]:
    return {key: probe["httpGet"] for key, probe in container(name).items() if key.endswith("Probe")}


def ports(name: str) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container(name)["ports"]}


def stage(target: str) -> str:
    """The part of the Dockerfile that builds one target."""
    found = re.search(rf"^FROM \S+ AS {target}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found, f"the Dockerfile has no target {target}"
    return found[1]


def test_every_variable_that_is_set_is_a_setting() -> None:
    strangers = [(path, name) for path, name, _ in everywhere() if name not in known_names()]
    assert not strangers


def test_the_settings_take_every_value_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, name, value in everywhere():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            Settings()


@pytest.mark.parametrize("name", ENTRIES)
def test_a_pod_reads_the_shared_settings(name: str) -> None:
    sources = [source["configMapRef"]["name"] for source in container(name)["envFrom"]]
    assert sources == ["spectrum-settings"]


def test_the_api_listens_where_everything_expects_it() -> None:
    port = DEFAULTS["port"].default
    compose = documents("docker-compose.yml")[0]["services"]["api"]
    assert int(environment("api")["SPECTRUM_PORT"]) == ports("api")["http"] == port
    assert int(compose["environment"]["SPECTRUM_PORT"]) == port
    assert [entry.rpartition(":")[2] for entry in compose["ports"]] == [str(port)]
    assert pod("api")["metadata"]["annotations"]["prometheus.io/port"] == str(port)
    for target in ("api", "cpu"):
        assert f"EXPOSE {port}\n" in stage(target)
        assert f'"healthcheck.py", "{port}"' in stage(target)
    service = manifest("Service", "api", "k8s/base/api.yaml")["spec"]
    assert [entry["targetPort"] for entry in service["ports"]] == ["http"]


def test_the_worker_shows_its_metrics_where_everything_expects_them() -> None:
    port = int(environment("worker")["SPECTRUM_WORKER_METRICS_PORT"])
    compose = documents("docker-compose.yml")[0]["services"]["worker"]["environment"]
    assert ports("worker") == {"metrics": port}
    assert pod("worker")["metadata"]["annotations"]["prometheus.io/port"] == str(port)
    assert int(compose["SPECTRUM_WORKER_METRICS_PORT"]) == port
    assert f"EXPOSE {port}\n" in stage("worker")
    assert f"SPECTRUM_WORKER_METRICS_PORT={port}\n" in stage("worker")
    assert f'"healthcheck.py", "{port}", "/metrics"' in stage("worker")


def test_the_probes_ask_for_routes_that_exist() -> None:
    served = (*routes_status.router.routes, *routes_parse.router.routes)
    routes = {getattr(route, "path", "") for route in served}
    asked = probes("api")
    assert asked["livenessProbe"]["path"] == "/livez"
    assert asked["readinessProbe"]["path"] == "/readyz"
    checked = {path for target in ("api", "cpu") for path in re.findall(r'"(/[a-z]+)"\]', stage(target))}
    scraped = pod("api")["metadata"]["annotations"]["prometheus.io/path"]
    assert {probe["path"] for probe in asked.values()} | checked | {scraped} <= routes
    assert {probe["path"] for probe in probes("worker").values()} == {"/metrics"}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_probe_names_a_port_that_its_container_opens(name: str) -> None:
    assert {probe["port"] for probe in probes(name).values()} <= set(ports(name))


class Recorder(Redis):
    """A client that notes what it is asked and answers 0; nothing is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []

    async def execute_command(self, *args: Any, **_options: Any) -> int:
        self.asked.append(args)
        return 0


async def test_the_autoscaler_reads_the_length_that_the_queue_calls_its_depth() -> None:
    (trigger,) = documents("k8s/keda/scaledobject.yaml")[0]["spec"]["triggers"]
    client = Recorder()
    broker = Broker(client, shared_settings()["SPECTRUM_KEY_PREFIX"], timeout_seconds=1)
    await Jobs(broker, Settings()).depth()
    assert trigger["type"] == "redis-streams"
    assert client.asked == [("XLEN", trigger["metadata"]["stream"])]
    # With a group KEDA would read its lag, which the deletion of a cancelled job makes unknown.
    assert "consumerGroup" not in trigger["metadata"]
    assert int(trigger["metadata"]["streamLength"]) >= DEFAULTS["batch_size"].default
    redis = manifest("Service", "redis", "k8s/base/redis.yaml")["spec"]["ports"][0]["port"]
    assert trigger["metadata"]["address"] == f"redis.spectrum.svc:{redis}"


def test_all_speak_to_the_same_server() -> None:
    compose = documents("docker-compose.yml")[0]["services"]
    urls = {compose[name]["environment"]["REDIS_URL"] for name in ENTRIES}
    assert urls == {shared_settings()["REDIS_URL"]} == {"redis://redis:6379/0"}
    assert "redis" in compose


@pytest.mark.parametrize("name", ENTRIES)
def test_a_process_is_killed_only_after_its_drain(name: str) -> None:
    drain = float(environment(name)["SPECTRUM_DRAIN_SECONDS"])
    assert pod(name)["spec"]["terminationGracePeriodSeconds"] > drain
    grace = documents("docker-compose.yml")[0]["services"][name]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > drain


@pytest.mark.parametrize("name", ENTRIES)
def test_a_pod_runs_unprivileged_on_a_root_it_cannot_write(name: str) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert user
    context = pod(name)["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))
    assert int(user[1]) > 0 and context["runAsNonRoot"] is True
    assert container(name)["securityContext"]["readOnlyRootFilesystem"] is True
    assert [mount["mountPath"] for mount in container(name)["volumeMounts"]] == ["/tmp"]


def test_a_worker_asks_for_one_gpu() -> None:
    assert container("worker")["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_compose_and_kubernetes_run_the_same_server_with_the_same_rules() -> None:
    written = (ROOT / "docker" / "valkey.conf").read_text(encoding="utf8").splitlines()
    rules = {line for line in written if line and not line.startswith("#")}
    config = manifest("ConfigMap", "redis-config", "k8s/base/redis.yaml")["data"]["valkey.conf"]
    assert set(config.splitlines()) == rules
    assert {"appendonly yes", "maxmemory-policy noeviction"} <= rules
    compose = documents("docker-compose.yml")[0]["services"]["redis"]["image"]
    pods = manifest("StatefulSet", "redis", "k8s/base/redis.yaml")["spec"]["template"]["spec"]
    assert pods["containers"][0]["image"] == compose
