"""The files of `k8s`, `docker` and Compose fit together: names, selectors, ports, and who may speak to whom.

Resources are named after what they are about: the Service, the budget and the NetworkPolicy `api` are those
of the Deployment `api`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.settings import Settings
from tests.unit.manifest_tree import OVERLAYS, ROLES, Tree, copy

Document = dict[str, Any]
HTTP, REDIS, PROMETHEUS, GRAFANA = 80, 6379, 9090, 3000  # their own ports, where nothing else is said
WORKLOADS = ("api", "worker", "redis")
SECRET = "spectrum-secrets"
# One address of each network that is not the public internet; at 169.254.169.254 clouds keep credentials.
INNER = (
    *("10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.255.1", "192.168.0.1"),
    *("::1", "fd00::1", "fe80::1"),
)
# What a name of the environment may be beside a setting: what docker/secrets.sh reads.
OTHER_NAMES = {"REDIS_HOST"}


def resources(tree: Tree) -> list[Document]:
    """Everything that an overlay brings, before its patches."""
    paths = sorted((tree.root / "k8s").rglob("*.yaml"))
    of_ours = [path for path in paths if path.parent.parent.name != "overlays"]
    found = [one for path in of_ours for one in tree.documents(str(path.relative_to(tree.root)))]
    return [one for one in found if one["kind"] not in ("Kustomization", "Component")]


def named(tree: Tree, kind: str, name: str) -> Document:
    found = [one for one in resources(tree) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def workload(tree: Tree, name: str) -> Document:
    return named(tree, "StatefulSet" if name == "redis" else "Deployment", name)["spec"]


def labels(tree: Tree, name: str) -> dict[str, str]:
    return dict(workload(tree, name)["template"]["metadata"]["labels"])


def ports(tree: Tree, name: str) -> dict[str, int]:
    (container,) = workload(tree, name)["template"]["spec"]["containers"]
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def chosen(selector: Document, given: dict[str, str]) -> bool:
    """Whether a selector matches labels."""
    within = all(given.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))
    return within and selector.get("matchLabels", {}).items() <= given.items()


def values(found: Any, key: str) -> Iterator[Any]:
    """Every value of a key, however deep."""
    if isinstance(found, dict):
        yield from (value for name, value in found.items() if name == key)
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from values(inner, key)


def selectors_choose_their_workload_alone(tree: Tree) -> None:
    for name in WORKLOADS:
        spec = workload(tree, name)
        selectors = [spec["selector"], *values(spec["template"], "labelSelector")]
        selectors += [named(tree, "NetworkPolicy", name)["spec"]["podSelector"]]
        if name in ROLES:
            selectors += [named(tree, "PodDisruptionBudget", name)["spec"]["selector"]]
        if name != "worker":
            selectors += [{"matchLabels": named(tree, "Service", name)["spec"]["selector"]}]
        for selector in selectors:
            assert [one for one in WORKLOADS if chosen(selector, labels(tree, one))] == [name]
    service = named(tree, "Service", "api")["metadata"]["labels"]
    assert chosen(named(tree, "ServiceMonitor", "api")["spec"]["selector"], service)
    assert chosen(named(tree, "PodMonitor", "worker")["spec"]["selector"], labels(tree, "worker"))


def ports_have_the_names_that_are_used(tree: Tree) -> None:
    for name in ("api", "redis"):
        service = named(tree, "Service", name)["spec"]
        assert {port["targetPort"] for port in service["ports"]} == set(ports(tree, name))
    assert [port["port"] for port in named(tree, "Service", "api")["spec"]["ports"]] == [HTTP]
    (shown,) = named(tree, "PodMonitor", "worker")["spec"]["podMetricsEndpoints"]
    (container,) = workload(tree, "worker")["template"]["spec"]["containers"]
    assert {shown["path"]} == set(values(container, "path"))  # of its probes, which have no other
    monitor = named(tree, "ServiceMonitor", "api")["spec"]
    served = {port["name"] for port in named(tree, "Service", "api")["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= served
    (container,) = workload(tree, "redis")["template"]["spec"]["containers"]
    assert set(values(container, "port")) == set(ports(tree, "redis"))


def references_lead_somewhere(tree: Tree) -> None:
    found = resources(tree)
    assert {*values(found, "secretName")} == {SECRET}
    assert {one["name"] for one in values(found, "secretKeyRef")} == {SECRET}
    for target in values(found, "secretTargetRef"):
        assert {one["name"] for one in target} == {SECRET}
    assert f"create secret generic {SECRET} " in tree.text("docker/secrets.sh")
    for one in [*values(found, "configMapRef"), *values(found, "configMap")]:
        assert named(tree, "ConfigMap", one["name"])
    for one in values(found, "authenticationRef"):
        assert named(tree, "TriggerAuthentication", one["name"])
    for one in values(found, "scaleTargetRef"):
        assert named(tree, "Deployment", one["name"])
    for one in values(found, "serviceName"):
        assert named(tree, "Service", one)


def volumes_that_are_mounted_exist(tree: Tree) -> None:
    for name in WORKLOADS:
        spec = workload(tree, name)
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
        volumes = {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
        mounted = {mount["name"] for mount in next(values(spec, "volumeMounts"))}
        assert mounted == volumes | claims


def patches_change_what_is_there(tree: Tree) -> None:
    for overlay in OVERLAYS:
        (kustomization,) = tree.documents(f"k8s/overlays/{overlay}/kustomization.yaml")
        for patch in kustomization["patches"]:
            if "target" in patch:
                assert named(tree, patch["target"]["kind"], patch["target"]["name"])
                continue
            (change,) = tree.documents(f"k8s/overlays/{overlay}/{patch['path']}")
            spec = named(tree, change["kind"], change["metadata"]["name"])["spec"]["template"]["spec"]
            there = {container["name"] for container in spec["containers"]}
            assert {one["name"] for one in change["spec"]["template"]["spec"]["containers"]} == there


def allowed(policy: Document, way: str, other: dict[str, str], port: int | str) -> bool:
    """Whether a policy lets in from ('ingress') or out to ('egress') pods with these labels at a port."""
    whom = "from" if way == "ingress" else "to"
    return any(
        any("podSelector" in peer and chosen(peer["podSelector"], other) for peer in rule.get(whom, []))
        and port in {one["port"] for one in rule["ports"]}
        for rule in policy["spec"].get(way, [])
    )


def namespaces(policy: Document, way: str, port: int | str) -> set[str]:
    """Namespaces that a policy lets in or out at a port."""
    rules = [rule for rule in policy["spec"][way] if port in {one["port"] for one in rule["ports"]}]
    return {
        next(iter(selector["matchLabels"].values()))
        for rule in rules
        for selector in values(rule, "namespaceSelector")
        if set(selector["matchLabels"]) == {"kubernetes.io/metadata.name"}
    }


def who_has_to_speak_may(tree: Tree) -> None:
    redis = named(tree, "NetworkPolicy", "redis")
    for role in ROLES:
        policy = named(tree, "NetworkPolicy", role)
        assert allowed(policy, "egress", labels(tree, "redis"), ports(tree, "redis")["redis"])
        assert allowed(redis, "ingress", labels(tree, role), "redis")
    assert namespaces(redis, "ingress", "redis") == {"keda"}
    assert "the namespace keda" in tree.text("k8s/components/keda/kustomization.yaml")
    prometheus = urlsplit(tree.triggers()["queue-time"]["metadata"]["serverAddress"]).hostname
    assert {prometheus.split(".")[1]} == namespaces(
        named(tree, "NetworkPolicy", "worker"), "ingress", "metrics"
    )
    assert not redis["spec"].get("egress")
    # Callers and Prometheus come from anywhere.
    assert [rule.get("from") for rule in named(tree, "NetworkPolicy", "api")["spec"]["ingress"]] == [None]


def names_are_looked_up_and_nothing_else_is_open(tree: Tree) -> None:
    nothing = named(tree, "NetworkPolicy", "nothing")["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    names = named(tree, "NetworkPolicy", "names")
    for role in ROLES:
        assert chosen(names["spec"]["podSelector"], labels(tree, role))
    (rule,) = names["spec"]["egress"]
    assert namespaces(names, "egress", 53) == {"kube-system"}
    assert sorted((one["protocol"], one["port"]) for one in rule["ports"]) == [("TCP", 53), ("UDP", 53)]


def urls_lead_to_the_public_internet_alone(tree: Tree) -> None:
    blocks = list(values(named(tree, "NetworkPolicy", "api")["spec"]["egress"], "ipBlock"))
    for text in INNER:
        address = ip_address(text)
        open_to = [
            block["cidr"]
            for block in blocks
            if address in ip_network(block["cidr"])
            and not any(address in ip_network(one) for one in block["except"])
        ]
        assert open_to == [], text
    assert {ip_network(block["cidr"]).prefixlen for block in blocks} == {0}


def servers_are_asked_where_they_listen(tree: Tree) -> None:
    assert ports(tree, "redis") == {"redis": REDIS}
    (space,) = [one["metadata"]["name"] for one in resources(tree) if one["kind"] == "Namespace"]
    assert tree.triggers()["length"]["metadata"]["address"] == f"redis.{space}.svc:{REDIS}"
    assert re.search(r"@\$host:(\d+)/0", tree.text("docker/secrets.sh"))[1] == str(REDIS)
    asked = urlsplit(tree.triggers()["queue-time"]["metadata"]["serverAddress"])
    assert (asked.scheme, asked.port) == ("http", PROMETHEUS)
    (source,) = tree.documents("docker/grafana/datasources/prometheus.yml")[0]["datasources"]
    assert source["url"] == f"http://prometheus:{PROMETHEUS}"
    services = tree.compose()
    assert not [word for word in services["prometheus"]["command"] if "listen-address" in word]
    assert services["grafana"]["ports"] == [f"127.0.0.1:{GRAFANA}:{GRAFANA}"]
    port = Settings.model_fields["port"].default
    assert services["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def secrets_become_settings(tree: Tree) -> None:
    (document,) = tree.documents("docker-compose.yml")
    for service in document["services"].values():
        taken = [one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])]
        assert set(taken) <= set(document["secrets"])
    for name in ("api", "worker-cpu", "worker-gpu"):
        targets = {one["target"] for one in document["services"][name]["secrets"]}
        assert "REDIS_URL" in targets and targets <= known()
    for role in ROLES:
        names = {one["name"] for one in tree.container(role)["env"] if "valueFrom" in one}
        assert "REDIS_URL" in names and names <= known()


def known() -> set[str]:
    return {"REDIS_URL"} | {f"SPECTRUM_{name}".upper() for name in Settings.model_fields}


def every_name_in_the_files_is_a_setting(tree: Tree) -> None:
    places = [tree.root / "Dockerfile", tree.root / "docker-compose.yml"]
    places += [path for room in ("docker", "k8s") for path in sorted((tree.root / room).rglob("*"))]
    for path in places:
        if path.is_file() and path.suffix in ("", ".yml", ".yaml", ".sh", ".py", ".json", ".conf"):
            found = re.findall(r"\b(?:SPECTRUM|REDIS)_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf8"))
            assert set(found) <= known() | OTHER_NAMES, path


def every_container_is_restricted(tree: Tree) -> None:
    for name in WORKLOADS:
        pod = workload(tree, name)["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    for name, service in tree.compose().items():
        assert service["security_opt"] == ["no-new-privileges:true"], name


def images_of_others_have_an_exact_version(tree: Tree) -> None:
    images = [service["image"] for service in tree.compose().values() if "build" not in service]
    images += values(workload(tree, "redis"), "image")
    images += re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", tree.text("Dockerfile"), re.MULTILINE)
    assert len(images) == 5
    for image in images:
        assert re.search(r":v?\d+\.\d+\.\d+(-[\w.-]+)?(@sha256:[0-9a-f]{64})?$", image), image
    built_from = re.findall(r"^FROM (\S+) AS (\S+)", tree.text("Dockerfile"), re.MULTILINE)
    stages = {name for _, name in built_from}
    assert {base for base, _ in built_from} <= {"${PYTHON_IMAGE}"} | stages


CHECKS: tuple[Callable[[Tree], None], ...] = (
    selectors_choose_their_workload_alone,
    ports_have_the_names_that_are_used,
    references_lead_somewhere,
    volumes_that_are_mounted_exist,
    patches_change_what_is_there,
    who_has_to_speak_may,
    names_are_looked_up_and_nothing_else_is_open,
    urls_lead_to_the_public_internet_alone,
    servers_are_asked_where_they_listen,
    secrets_become_settings,
    every_name_in_the_files_is_a_setting,
    every_container_is_restricted,
    images_of_others_have_an_exact_version,
)

KEDA = "k8s/components/keda/scaledobject.yaml"
NETWORK = "k8s/base/network.yaml"
REDIS_YAML = "k8s/components/redis/redis.yaml"
# (file, what stands there, what is put in the place of one occurrence, which one, the check that must notice)
CHANGES: tuple[tuple[str, str, str, int, Callable[[Tree], None]], ...] = (
    *(("k8s/base/api.yaml", "name: api\n", "name: web\n", place, CHECKS[0]) for place in (2, 3, 8)),
    ("k8s/base/api.yaml", "name: api}", "name: web}", 0, CHECKS[0]),
    ("k8s/base/worker.yaml", "name: worker\n", "name: web\n", -1, CHECKS[0]),
    (REDIS_YAML, "name: redis\n", "name: web\n", 3, CHECKS[0]),
    (NETWORK, "name: worker\n", "name: api\n", 1, CHECKS[0]),
    ("k8s/components/monitoring/scrape.yaml", "name: worker\n", "name: api\n", 1, CHECKS[0]),
    ("k8s/base/api.yaml", "targetPort: http", "targetPort: web", 0, CHECKS[1]),
    ("k8s/base/api.yaml", "- name: http\n", "- name: web\n", 1, CHECKS[1]),
    (REDIS_YAML, "port: redis}", "port: web}", 0, CHECKS[1]),
    ("k8s/base/api.yaml", "port: 80\n", "port: 81\n", 0, CHECKS[1]),
    ("k8s/components/monitoring/scrape.yaml", "path: /metrics", "path: /metric", 1, CHECKS[1]),
    ("k8s/base/worker.yaml", "name: spectrum-settings", "name: settings", 0, CHECKS[2]),
    ("k8s/base/worker.yaml", SECRET, "secrets", 0, CHECKS[2]),
    (KEDA, SECRET, "secrets", 1, CHECKS[2]),
    (KEDA, "name: autoscaler", "name: scaler", 0, CHECKS[2]),
    (KEDA, "name: worker", "name: workers", 1, CHECKS[2]),
    (REDIS_YAML, "serviceName: redis", "serviceName: queue", 0, CHECKS[2]),
    (REDIS_YAML, "{name: users,", "{name: acl,", 0, CHECKS[3]),
    ("k8s/overlays/cpu/worker.yaml", "name: worker", "name: workers", 0, CHECKS[4]),
    ("k8s/overlays/gpu/worker.yaml", "- name: worker", "- name: main", 0, CHECKS[4]),
    ("k8s/overlays/gpu/kustomization.yaml", "name: worker}", "name: workers}", 0, CHECKS[4]),
    *((NETWORK, "port: 6379", "port: 6380", place, who_has_to_speak_may) for place in (0, 1)),
    (NETWORK, "name: redis\n", "name: valkey\n", 1, who_has_to_speak_may),
    (NETWORK, "name: monitoring", "name: prometheus", 0, who_has_to_speak_may),
    ("k8s/components/redis/network.yaml", "values: [api, worker]", "values: [api]", 0, CHECKS[5]),
    ("k8s/components/redis/network.yaml", "name: keda", "name: scaling", 0, CHECKS[5]),
    (NETWORK, "port: 53,", "port: 54,", 1, CHECKS[6]),
    (NETWORK, "[api, worker]", "[api]", 0, CHECKS[6]),
    (NETWORK, "fe80::/10", "fe81::/16", 0, CHECKS[7]),
    (NETWORK, "172.16.0.0/12", "172.16.0.0/16", 0, CHECKS[7]),
    (REDIS_YAML, "containerPort: 6379", "containerPort: 6380", 0, CHECKS[8]),
    (KEDA, "redis.spectrum.svc", "redis.default.svc", 0, CHECKS[8]),
    (KEDA, "svc:9090", "svc:9091", 0, CHECKS[8]),
    ("docker/secrets.sh", ":6379/0", ":6380/0", 0, CHECKS[8]),
    ("docker/grafana/datasources/prometheus.yml", "9090", "9091", 0, CHECKS[8]),
    ("docker-compose.yml", ':3000"', ':3001"', 0, CHECKS[8]),
    ("docker-compose.yml", "target: REDIS_URL", "target: REDIS", 2, CHECKS[9]),
    ("docker-compose.yml", "target: SPECTRUM_WEBHOOK_SECRET", "target: SPECTRUM_SECRET", 0, CHECKS[9]),
    ("k8s/base/api.yaml", "name: SPECTRUM_WEBHOOK_SECRET", "name: WEBHOOK_SECRET", 0, CHECKS[9]),
    ("docker/entrypoint.sh", "SPECTRUM_PORT", "SPECTRUM_LISTEN", 0, CHECKS[10]),
    ("docker/healthcheck.py", "SPECTRUM_PORT", "SPECTRUM_HTTP_PORT", 0, CHECKS[10]),
    ("docker-compose.yml", "${SPECTRUM_AUTH", "${SPECTRUM_DOOR", 0, CHECKS[10]),
    (REDIS_YAML, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", 0, CHECKS[11]),
    ("k8s/base/worker.yaml", "Escalation: false", "Escalation: true", 0, CHECKS[11]),
    ("k8s/base/worker.yaml", "runAsNonRoot: true", "runAsNonRoot: false", 0, CHECKS[11]),
    ("docker-compose.yml", "prometheus:v3.5.0", "prometheus:latest", 0, CHECKS[12]),
    ("Dockerfile", "python:3.11.13-slim", "python:3.11-slim", 0, CHECKS[12]),
    ("docker-compose.yml", "no-new-privileges:true", "no-new-privileges:false", 0, CHECKS[11]),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_files_fit_together(check: Callable[[Tree], None]) -> None:
    check(Tree())


@pytest.mark.parametrize(
    ("path", "old", "new", "place", "check"),
    CHANGES,
    ids=[f"{path}: {new.strip()} {place}" for path, _, new, place, _ in CHANGES],
)
def test_one_changed_word_is_noticed(
    path: str, old: str, new: str, place: int, check: Callable[[Tree], None], tmp_path: Path
) -> None:
    tree = copy(tmp_path)
    pieces = tree.text(path).split(old)
    at = place % (len(pieces) - 1)
    changed = old.join(pieces[: at + 1]) + new + old.join(pieces[at + 1 :])
    (tree.root / path).write_text(changed, encoding="utf8")
    with pytest.raises(AssertionError):
        check(tree)


def test_every_check_can_fail() -> None:
    assert {check for *_, check in CHANGES} == set(CHECKS)
