"""The simulated day keeps its jobs, obeys the autoscaler's arithmetic, and is that of the manifests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8s.simulation.arrivals import arrivals
from k8s.simulation.autoscaler import Autoscaler, quantile_of_buckets
from k8s.simulation.cli import main
from k8s.simulation.cluster import Clock, Cluster
from k8s.simulation.day import Day, simulate
from k8s.simulation.plan import HOUR, Load, Loss, Plan, Scaling, Work, measured
from tests.unit.manifest_tree import Tree

SHORT = Plan(
    load=Load(base=12.0, bells=((0.08, 30.0, 0.03),), hours=0.17), losses=(Loss(0.08, 1), Loss(0.1, 2))
)

plans = st.builds(
    Plan,
    load=st.builds(
        Load,
        base=st.floats(0.5, 20),
        bells=st.tuples(st.tuples(st.floats(0, 0.05), st.floats(0, 60), st.floats(0.005, 0.03))),
        hours=st.floats(0.01, 0.05),
    ),
    work=st.builds(
        Work,
        picture_seconds=st.floats(0.01, 1.0),
        call_seconds=st.floats(0, 0.5),
        spread=st.floats(0, 0.5),
        batch=st.integers(1, 16),
        start_seconds=st.floats(0, 90),
    ),
    scaling=st.builds(Scaling, length=st.integers(1, 32), least=st.integers(1, 3), most=st.integers(3, 20)),
    losses=st.lists(st.builds(Loss, hour=st.floats(0, 0.06), workers=st.integers(1, 3)), max_size=3).map(
        tuple
    ),
    depth=st.integers(1, 300),
    seed=st.integers(0, 1000),
)


@given(plans)
@settings(max_examples=40, deadline=None)
def test_every_picture_is_answered_or_refused_whatever_dies(plan: Plan) -> None:
    day = simulate(plan)
    assert day.lost == 0
    assert day.done + day.refused == day.arrived
    assert len(day.queue) == len(day.answer) == day.done
    assert (day.queue >= 0).all()
    assert (day.answer >= day.queue).all()
    assert day.workers.max(initial=0) <= plan.scaling.most
    assert day.worker_hours >= 0


def same(one: Day, other: Day) -> bool:
    return np.array_equal(one.answer, other.answer) and np.array_equal(one.workers, other.workers)


def test_a_day_is_the_same_by_its_seed_and_another_by_another() -> None:
    assert same(simulate(SHORT), simulate(SHORT))
    assert not same(simulate(SHORT), simulate(replace(SHORT, seed=1)))


def test_a_lost_worker_costs_its_jobs_a_lease() -> None:
    lost, calm = simulate(SHORT), simulate(replace(SHORT, losses=()))
    assert lost.redelivered > 0 and calm.redelivered == 0
    assert lost.answer.max() > 0.75 * SHORT.work.lease_seconds


def test_the_only_worker_is_looked_after_by_its_successor_a_lease_and_a_quarter_later_at_most() -> None:
    ends = []
    for seed in range(40):
        clock, rng = Clock(), np.random.default_rng(seed)
        work = Work(spread=0.0, start_seconds=0.0)
        cluster = Cluster(work, 100, 1, clock, rng)
        cluster.add()
        clock.step()
        cluster.submit(0)
        assert cluster.lose()
        cluster.add()
        while np.isnan(cluster.done[0]):
            clock.step()
        ends.append(float(cluster.done[0]) - work.picture_seconds)
    lease = Work().lease_seconds
    assert 0.75 * lease <= min(ends) < lease < max(ends) <= 1.25 * lease


def test_a_full_queue_refuses_and_goes_on() -> None:
    day = simulate(replace(SHORT, depth=20, losses=(), scaling=Scaling(least=1, most=1)))
    assert day.refused > 0
    assert day.answer.max() < 2 * 20 * SHORT.work.picture_seconds


def test_pictures_come_at_the_rate_of_their_hour() -> None:
    load = Load(base=2.0, bells=((0.5, 20.0, 0.1),), hours=1.0)
    moments = arrivals(load, np.random.default_rng(0))
    seconds = np.arange(0.0, HOUR)
    expected = sum(load.rate(second / HOUR) for second in seconds)
    assert len(moments) == pytest.approx(expected, abs=5 * expected**0.5)
    assert (np.diff(moments) >= 0).all() and moments[0] >= 0 and moments[-1] < HOUR
    middle = ((moments > 0.45 * HOUR) & (moments < 0.55 * HOUR)).sum()
    assert middle > 3 * (moments < 0.1 * HOUR).sum()


# The autoscaler's arithmetic, by hand


def decided(scaler: Autoscaler, now: float, current: int, length: int, waits: tuple[float, ...] = ()) -> int:
    return scaler.decide(now, current, current, length, waits)


def test_the_wish_is_the_length_over_the_target_rounded_up() -> None:
    assert decided(Autoscaler(Scaling(length=16, queue_seconds=None)), 0, 2, 49) == 4


@pytest.mark.parametrize("length", [29, 35])
def test_a_tenth_more_or_less_changes_nothing(length: int) -> None:
    assert decided(Autoscaler(Scaling(length=16)), 0, 2, length) == 2


def test_a_rise_is_at_most_double_or_four_in_a_period() -> None:
    scaler = Autoscaler(Scaling(length=1, most=100, queue_seconds=None))
    assert decided(scaler, 0, 1, 100) == 5
    assert decided(scaler, 5, 5, 100) == 5  # within the same period
    assert decided(scaler, 20, 5, 100) == 10


def test_a_fall_waits_for_the_window_and_then_halves() -> None:
    scaler = Autoscaler(Scaling(length=1, least=1, down_share=0.5, queue_seconds=None))
    assert decided(scaler, 0, 8, 8) == 8
    assert decided(scaler, 290, 8, 0) == 8
    assert decided(scaler, 301, 8, 0) == 4
    assert decided(scaler, 331, 4, 0) == 4  # half of the eight there were a period ago
    assert decided(scaler, 362, 4, 0) == 2


def test_waiting_wants_more_workers_whatever_the_length() -> None:
    scaler = Autoscaler(Scaling(length=100, queue_seconds=2.0))
    assert decided(scaler, 0, 4, 4, (4.9,) * 100) > 4
    assert decided(Autoscaler(Scaling(length=100, queue_seconds=None)), 0, 4, 4, (4.9,) * 100) == 4


def test_the_number_stays_within_its_bounds() -> None:
    assert decided(Autoscaler(Scaling(length=1, most=3)), 0, 1, 500) == 3
    assert decided(Autoscaler(Scaling(length=1, least=2)), 0, 2, 0) == 2


@given(st.lists(st.floats(0, 55), min_size=1, max_size=200))
def test_a_quantile_of_buckets_lies_in_the_bucket_of_the_true_one(values: list[float]) -> None:
    from service.metrics import SECONDS

    true = sorted(values)[max(0, int(np.ceil(0.95 * len(values))) - 1)]
    upper = next(edge for edge in SECONDS if edge >= true)
    lower = max((edge for edge in SECONDS if edge < true), default=0.0)
    assert lower <= quantile_of_buckets(0.95, values) <= upper


def test_a_worker_told_to_go_finishes_what_it_holds() -> None:
    clock = Clock()
    cluster = Cluster(Work(spread=0.0, start_seconds=0.0), 100, 12, clock, np.random.default_rng(0))
    cluster.add()
    clock.step()
    for job in range(12):
        cluster.submit(job)
    cluster.remove()
    while cluster.workers:
        clock.step()
    held = int((~np.isnan(cluster.done)).sum())
    assert held == int((~np.isnan(cluster.claimed)).sum()) > 0
    assert cluster.length == 12 - held


# What ties it to the rest


def test_the_simulated_autoscaler_is_the_one_that_is_deployed() -> None:
    tree, plan = Tree(), Plan()
    spec = tree.manifest("ScaledObject", "worker", "components/keda/scaledobject.yaml")["spec"]
    up, down = (
        spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"][way] for way in ("scaleUp", "scaleDown")
    )
    share, pods = up["policies"]
    (fall,) = down["policies"]
    triggers = tree.triggers()
    assert plan.scaling == Scaling(
        length=int(triggers["length"]["metadata"]["streamLength"]),
        queue_seconds=float(triggers["queue-time"]["metadata"]["threshold"]),
        least=spec["minReplicaCount"],
        most=spec["maxReplicaCount"],
        up_share=share["value"] / 100,
        up_pods=pods["value"],
        up_period=share["periodSeconds"],
        down_share=fall["value"] / 100,
        down_period=fall["periodSeconds"],
        down_window=down["stabilizationWindowSeconds"],
    )
    assert (up["selectPolicy"], up["stabilizationWindowSeconds"]) == ("Max", 0)
    assert plan.depth == int(tree.shared()["SPECTRUM_QUEUE_DEPTH"])


def test_service_times_come_from_a_benchmark(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    report.write_text(json.dumps({"pictures_per_second": 4.0}), encoding="utf8")
    assert measured(Work(), report).picture_seconds == 0.25
    report.write_text("{}", encoding="utf8")
    with pytest.raises(ValueError, match="no pictures a second"):
        measured(Work(), report)


def test_the_command_prints_a_table_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    assert main(["--hours", "0.1", "--lengths", "4", "16", "--json", str(figures)]) == 0
    assert [day["length"] for day in json.loads(figures.read_text(encoding="utf8"))] == [4, 16]
    assert capsys.readouterr().out.count("\n| 16 |") == 2
