"""Dockerfile, Compose and Kubernetes files say what the code says: ports, probes, settings, keys, users."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import prometheus_client
import pytest
from redis.asyncio import Redis
from starlette.routing import Match

from service import api, metrics
from service.delivery.broker import Broker
from service.delivery.jobs import Jobs
from service.settings import Settings
from tests.unit.manifest_tree import OVERLAYS, ROLES, ROOT, Tree, copy
from tests.unit.promql import selected

DEFAULTS = Settings.model_fields
BATCH_SECONDS = 15  # what a drain may overrun: the slowest call of a model is a fraction of it
OUR_IMAGES = {"spectrum-api": "api", "spectrum-worker": "worker", "spectrum": "cpu"}  # image -> target


def nobody_gets_in_without_a_key(tree: Tree, _tmp: Path) -> None:
    assert tree.environment("api")["SPECTRUM_AUTH"] == "keys"
    assert tree.compose()["api"]["environment"]["SPECTRUM_AUTH"] == "keys"


def known_names() -> set[str]:
    """Names of the environment that the settings read."""
    prefix = str(Settings.model_config["env_prefix"])
    return {"REDIS_URL"} | {f"{prefix}{name}".upper() for name in DEFAULTS}


def variables_are_settings(tree: Tree, _tmp: Path) -> None:
    assert not [(path, name) for path, name, _ in tree.variables() if name not in known_names()]


def the_api_listens_where_everything_expects_it(tree: Tree, _tmp: Path) -> None:
    port = int(DEFAULTS["port"].default)
    container, compose = tree.container("api"), tree.compose()["api"]
    assert [entry["containerPort"] for entry in container["ports"] if entry["name"] == "http"] == [port]
    assert int(tree.environment("api")["SPECTRUM_PORT"]) == port
    assert int(compose["environment"]["SPECTRUM_PORT"]) == port
    assert [entry.rpartition(":")[2] for entry in compose["ports"]] == [str(port)]
    assert compose["ports"][0].startswith("127.0.0.1:")
    for target in ("api", "cpu"):
        assert f"EXPOSE {port}\n" in tree.stage(target)
        assert f'"healthcheck.py", "{port}"' in tree.stage(target)
    service = tree.manifest("Service", "api", "base/api.yaml")["spec"]
    assert [entry["targetPort"] for entry in service["ports"]] == ["http"]
    assert scraped(tree, "api") == f"api:{port}"


def the_worker_shows_its_metrics_where_everything_expects_them(tree: Tree, _tmp: Path) -> None:
    port = int(tree.environment("worker")["SPECTRUM_WORKER_METRICS_PORT"])
    assert tree.container("worker")["ports"] == [{"name": "metrics", "containerPort": port}]
    for name in ("worker-cpu", "worker-gpu"):
        service = tree.compose()[name]
        assert int(service["environment"]["SPECTRUM_WORKER_METRICS_PORT"]) == port
        assert service["networks"] == {"queue": {"aliases": ["worker"]}}
    assert f"EXPOSE {port}\n" in tree.stage("worker")
    assert f"SPECTRUM_WORKER_METRICS_PORT={port}\n" in tree.stage("worker")
    assert f'"healthcheck.py", "{port}", "/metrics"' in tree.stage("worker")
    assert tree.compose()["worker-cpu"]["healthcheck"]["test"][2:] == [str(port), "/metrics"]
    assert scraped(tree, "worker") == f"worker:{port}"


def scraped(tree: Tree, role: str) -> str:
    """The address at which Compose's Prometheus reads a role."""
    (job,) = [
        entry
        for entry in tree.documents("docker/prometheus/prometheus.yml")[0]["scrape_configs"]
        if entry["job_name"] == role
    ]
    if "static_configs" in job:
        return str(job["static_configs"][0]["targets"][0])
    found = job["dns_sd_configs"][0]
    return f"{found['names'][0]}:{found['port']}"


def probes(tree: Tree, role: str) -> dict[str, dict[str, Any]]:
    return {key: probe["httpGet"] for key, probe in tree.container(role).items() if key.endswith("Probe")}


def the_probes_ask_for_routes_that_exist(tree: Tree, _tmp: Path) -> None:
    app = api.create(Settings(redis_url="redis://nowhere"))
    asked = {key: probe["path"] for key, probe in probes(tree, "api").items()}
    assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    checked = {path for target in ("api", "cpu") for path in re.findall(r'"(/[a-z]+)"\]', tree.stage(target))}
    monitor = tree.manifest("ServiceMonitor", "api", "components/monitoring/scrape.yaml")["spec"]
    shown = {endpoint["path"] for endpoint in monitor["endpoints"]}
    for path in {*asked.values(), *checked, *shown}:
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": [], "app": app}
        assert any(route.matches(scope)[0] is Match.FULL for route in app.routes), path
    # A worker has no routes but what prometheus_client's own server answers.
    assert {probe["path"] for probe in probes(tree, "worker").values()} == {"/metrics"}


def every_port_that_is_named_is_opened(tree: Tree, _tmp: Path) -> None:
    for role in ROLES:
        opened = {port["name"] for port in tree.container(role)["ports"]}
        assert {probe["port"] for probe in probes(tree, role).values()} <= opened
        monitors = tree.documents("k8s/components/monitoring/scrape.yaml")
        (spec,) = [entry["spec"] for entry in monitors if entry["metadata"]["name"] == role]
        read = spec.get("endpoints") or spec["podMetricsEndpoints"]
        assert {endpoint["port"] for endpoint in read} <= opened
        policy = tree.manifest("NetworkPolicy", role, "base/network.yaml")["spec"]
        assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} <= opened


def queue_metrics_exist(tree: Tree, _tmp: Path) -> None:
    trigger = tree.triggers()["queue-time"]
    known = {sample.name for family in prometheus_client.REGISTRY.collect() for sample in family.samples}
    known |= {f"{metrics.STAGE_SECONDS._name}_bucket"}
    names = {selector.name for selector in selected(trigger["metadata"]["query"])}
    assert names and names <= known
    # A share of a latency is worth so many times the workers there are, not so many workers.
    assert (trigger["type"], trigger["metricType"]) == ("prometheus", "Value")


class Recorder(Redis):
    """A client that notes what it is asked and answers 0; nothing is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []

    async def execute_command(self, *args: Any, **_options: Any) -> int:
        self.asked.append(args)
        return 0


def the_autoscaler_reads_the_work_stream(tree: Tree, _tmp: Path) -> None:
    trigger = tree.triggers()["length"]
    broker = Broker(Recorder(), tree.shared()["SPECTRUM_KEY_PREFIX"], timeout_seconds=1)
    assert trigger["type"] == "redis-streams"
    assert trigger["metadata"]["stream"] == broker.key("work")
    # With a group KEDA would read its lag, which the deletion of a cancelled job makes unknown.
    assert "consumerGroup" not in trigger["metadata"]
    redis = tree.manifest("Service", "redis", "components/redis/redis.yaml")["spec"]["ports"][0]["port"]
    assert trigger["metadata"]["address"] == f"redis.spectrum.svc:{redis}"


def the_queue_has_room_for_all_workers(tree: Tree, _tmp: Path) -> None:
    scaled = tree.manifest("ScaledObject", "worker", "components/keda/scaledobject.yaml")["spec"]
    wanted = scaled["maxReplicaCount"] * int(tree.triggers()["length"]["metadata"]["streamLength"])
    assert int(tree.shared()["SPECTRUM_QUEUE_DEPTH"]) >= wanted


def a_process_is_killed_only_after_its_drain(tree: Tree, _tmp: Path) -> None:
    def needed(environment: dict[str, str], role: str) -> float:
        drain = environment.get("SPECTRUM_DRAIN_SECONDS", DEFAULTS["drain_seconds"].default)
        notice = environment.get("SPECTRUM_NOTICE_SECONDS", DEFAULTS["notice_seconds"].default)
        return float(drain) + (float(notice) if role == "api" else 0.0) + BATCH_SECONDS

    for role in ROLES:
        grace = tree.pod(role)["spec"]["terminationGracePeriodSeconds"]
        assert grace >= needed(tree.environment(role), role)
    for name in ("api", "worker-cpu", "worker-gpu"):
        service = tree.compose()[name]
        grace = float(service["stop_grace_period"].removesuffix("s"))
        assert grace >= needed(service["environment"], name)


def every_secret_is_made(tree: Tree, tmp: Path) -> None:
    written = tree.written(tmp / "secrets")
    files = tree.documents("docker-compose.yml")[0]["secrets"]
    assert tree.referenced() <= set(written)
    assert {Path(entry["file"]).name for entry in files.values()} <= set(written)
    users = re.findall(r"^user (\S+) on #[0-9a-f]{64} ", written["users.acl"], re.MULTILINE)
    assert users == ["api", "worker", "autoscaler"]
    for role in ROLES:
        address = urlsplit(written[f"redis-url-{role}"])
        assert (address.scheme, address.username, address.hostname) == ("redis", role, "redis")
        entry = next(entry for entry in tree.container(role)["env"] if entry["name"] == "REDIS_URL")
        assert entry["valueFrom"]["secretKeyRef"]["key"] == f"redis-url-{role}"


def the_acl_covers_the_keys(tree: Tree, _tmp: Path) -> None:
    rules = [line.split() for line in tree.text("docker/users.acl").splitlines()]
    patterns = {rule[1]: {word for word in rule if word.startswith(("~", "%"))} for rule in rules}
    key = Broker(Recorder(), tree.shared()["SPECTRUM_KEY_PREFIX"], timeout_seconds=1).key
    assert patterns == {
        "default": set(),
        "api": {f"~{key('*')}"},
        "worker": {f"~{key('*')}"},
        "autoscaler": {f"~{key('work')}"},
    }


def pods_are_restricted(tree: Tree, _tmp: Path) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", tree.text("Dockerfile"), re.MULTILINE)
    assert user and int(user[1]) > 0
    for role in ROLES:
        context, own = tree.pod(role)["spec"]["securityContext"], tree.container(role)["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))
        assert own["readOnlyRootFilesystem"] is True
        assert [mount["mountPath"] for mount in tree.container(role)["volumeMounts"]] == ["/tmp"]
    for name, service in tree.compose().items():
        assert (name, service["read_only"], service["cap_drop"]) == (name, True, ["ALL"])


def the_images_are_those_that_are_built(tree: Tree, _tmp: Path) -> None:
    built = {
        service["image"]: service["build"]["target"]
        for service in tree.compose().values()
        if "build" in service
    }
    assert {image.partition(":")[0]: target for image, target in built.items()} == OUR_IMAGES
    tags = {image.partition(":")[0]: image.partition(":")[2] for image in built}
    for overlay in OVERLAYS:
        for image in tree.documents(f"k8s/overlays/{overlay}/kustomization.yaml")[0]["images"]:
            assert tags[image.get("newName", image["name"])] == image["newTag"]
    for role in ROLES:
        assert tree.container(role)["image"] in OUR_IMAGES
        assert tree.container(role)["args"] == [role]


def the_network_lets_out_what_urls_may_reach(tree: Tree, _tmp: Path) -> None:
    policy = tree.manifest("NetworkPolicy", "api", "base/network.yaml")["spec"]
    (outside,) = [rule for rule in policy["egress"] if "ipBlock" in rule["to"][0]]
    assert tuple(port["port"] for port in outside["ports"]) == DEFAULTS["url_ports"].default
    worker = tree.manifest("NetworkPolicy", "worker", "base/network.yaml")["spec"]
    assert not [rule for rule in worker["egress"] if "ipBlock" in rule["to"][0]]


def compose_and_kubernetes_run_the_same_server(tree: Tree, _tmp: Path) -> None:
    def rules(text: str) -> set[str]:
        lines = {line for line in text.splitlines() if line and not line.startswith("#")}
        return {line for line in lines if not line.startswith("aclfile ")}

    config = tree.manifest("ConfigMap", "redis-config", "components/redis/redis.yaml")["data"]["valkey.conf"]
    assert rules(config) == rules(tree.text("docker/valkey.conf"))
    assert {"appendonly yes", "maxmemory-policy noeviction"} <= rules(config)
    redis = tree.manifest("StatefulSet", "redis", "components/redis/redis.yaml")["spec"]["template"]["spec"]
    assert redis["containers"][0]["image"] == tree.compose()["redis"]["image"]


CHECKS: tuple[Callable[[Tree, Path], None], ...] = (
    variables_are_settings,
    the_api_listens_where_everything_expects_it,
    the_worker_shows_its_metrics_where_everything_expects_them,
    the_probes_ask_for_routes_that_exist,
    every_port_that_is_named_is_opened,
    queue_metrics_exist,
    the_autoscaler_reads_the_work_stream,
    the_queue_has_room_for_all_workers,
    a_process_is_killed_only_after_its_drain,
    every_secret_is_made,
    the_acl_covers_the_keys,
    pods_are_restricted,
    the_images_are_those_that_are_built,
    the_network_lets_out_what_urls_may_reach,
    compose_and_kubernetes_run_the_same_server,
    nobody_gets_in_without_a_key,
)

KEDA = "k8s/components/keda/scaledobject.yaml"
# (file, what stands there, what is put in its place, the check that must notice)
CHANGES: tuple[tuple[str, str, str, Callable[[Tree, Path], None]], ...] = (
    ("k8s/base/settings.yaml", "SPECTRUM_DRAIN_SECONDS:", "SPECTRUM_DRAIN:", variables_are_settings),
    ("k8s/overlays/cpu/worker.yaml", "SPECTRUM_THREADS", "SPECTRUM_CORES", variables_are_settings),
    ("docker-compose.yml", "SPECTRUM_PORT", "SPECTRUM_LISTEN", variables_are_settings),
    ("Dockerfile", "SPECTRUM_HOST=", "SPECTRUM_ADDRESS=", variables_are_settings),
    ("k8s/base/api.yaml", "containerPort: 8000", "containerPort: 8001", CHECKS[1]),
    ("docker/prometheus/prometheus.yml", "api:8000", "api:8001", CHECKS[1]),
    ("Dockerfile", "EXPOSE 8000", "EXPOSE 80", CHECKS[1]),
    ("k8s/base/settings.yaml", '"9100"', '"9101"', CHECKS[2]),
    ("docker/prometheus/prometheus.yml", "port: 9100", "port: 9101", CHECKS[2]),
    ("k8s/base/api.yaml", "path: /readyz", "path: /livez", the_probes_ask_for_routes_that_exist),
    ("k8s/components/monitoring/scrape.yaml", "path: /metrics", "path: /metric", CHECKS[3]),
    ("k8s/components/monitoring/scrape.yaml", "port: http", "port: web", CHECKS[4]),
    (KEDA, "parse_stage_seconds_bucket", "parse_stages_bucket", queue_metrics_exist),
    (KEDA, "{spectrum}:work", "{spectrum}:jobs", the_autoscaler_reads_the_work_stream),
    ("k8s/base/settings.yaml", "KEY_PREFIX: spectrum", "KEY_PREFIX: other", CHECKS[6]),
    (KEDA, "maxReplicaCount: 12", "maxReplicaCount: 90", the_queue_has_room_for_all_workers),
    ("k8s/base/api.yaml", "PeriodSeconds: 60", "PeriodSeconds: 45", a_process_is_killed_only_after_its_drain),
    ("k8s/base/worker.yaml", "key: redis-url-worker", "key: redis-url", every_secret_is_made),
    ("k8s/base/api.yaml", "key: webhook-secret", "key: webhooks", every_secret_is_made),
    ("docker-compose.yml", "./secrets/users.acl", "./secrets/acl", every_secret_is_made),
    ("docker/users.acl", "~{spectrum}:work", "~{spectrum}:*", the_acl_covers_the_keys),
    ("k8s/base/worker.yaml", "runAsUser: 10001", "runAsUser: 0", pods_are_restricted),
    ("k8s/overlays/gpu/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.2.0", CHECKS[12]),
    ("k8s/base/network.yaml", "port: 443", "port: 8443", the_network_lets_out_what_urls_may_reach),
    ("k8s/base/settings.yaml", "AUTH: keys", "AUTH: open", nobody_gets_in_without_a_key),
    ("docker/valkey.conf", "noeviction", "allkeys-lru", compose_and_kubernetes_run_the_same_server),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_files_say_what_the_code_says(check: Callable[[Tree, Path], None], tmp_path: Path) -> None:
    check(Tree(), tmp_path)


@pytest.mark.parametrize(
    ("path", "old", "new", "check"), CHANGES, ids=[f"{path}: {new}" for path, _, new, _ in CHANGES]
)
def test_a_changed_copy_is_noticed(
    path: str, old: str, new: str, check: Callable[[Tree, Path], None], tmp_path: Path
) -> None:
    tree = copy(tmp_path / "copy")
    changed = tree.text(path).replace(old, new)
    assert changed != tree.text(path)
    (tree.root / path).write_text(changed, encoding="utf8")
    with pytest.raises(AssertionError):
        check(tree, tmp_path)


def test_every_check_can_fail() -> None:
    assert {check for *_, check in CHANGES} == set(CHECKS)


def test_the_settings_take_every_value_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, name, value in Tree().variables():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            Settings()


async def test_the_streams_length_is_what_the_queue_calls_its_depth() -> None:
    client = Recorder()
    await Jobs(Broker(client, "spectrum", timeout_seconds=1), Settings()).depth()
    assert client.asked == [("XLEN", Tree().triggers()["length"]["metadata"]["stream"])]


def test_a_gpu_worker_asks_for_one_gpu_and_a_cpu_worker_for_none() -> None:
    assert Tree().patched("gpu")["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in Tree().patched("cpu")["resources"]["limits"]
    assert Tree().environment("worker", "gpu")["SPECTRUM_DEVICE"] == "cuda"


_SECRET = re.compile(r"(?i)(?:password|token|secret_?key):[ \t]*[\"']?([^\s\"'{$]+)")


def test_no_secret_stands_in_a_file() -> None:
    files = [ROOT / "docker-compose.yml", *sorted((ROOT / "k8s").rglob("*.yaml"))]
    found = [value for path in files for value in _SECRET.findall(path.read_text(encoding="utf8"))]
    assert set(found) <= {"false"}
    assert _SECRET.findall("requirepass: x\nPASSWORD: hunter2") == ["hunter2"]
