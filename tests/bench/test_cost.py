"""The bill equals sums made by hand, and the page equals what its inputs give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import scale
from bench.cost import KINDS, MONTH, Scenario, key_bill, limits, load_of, node_bill, project_bill
from bench.inputs import Costs, Inputs, load
from bench.refreshes import CHANGES_A_RECORD, COMPARED_BYTES, refreshes_of, shortest
from bench.simulation import Day, simulate
from bench.targets import over_month
from bench.watching import with_all_counts

ONE = Costs(
    transform=40, shared=30, writer=20, node=60, line_bytes=900, avro_bytes=150, node_bytes=170
)
TEN = Costs(
    transform=140, shared=90, writer=60, node=200, line_bytes=5000, avro_bytes=900, node_bytes=999
)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return replace(load(), sizes=((1_000, ONE), (10_000, TEN)))


def test_a_size_between_two_costs_what_lies_between(inputs: Inputs) -> None:
    assert inputs.costs(1_000) == ONE
    assert inputs.costs(5_500).transform == pytest.approx(90)
    assert inputs.costs(1).transform == pytest.approx(40 - 100 * 999 / 9000)


@pytest.mark.parametrize(("delivery", "times"), [("per_type", 4), ("shared", 1)])
def test_firehose_takes_in_each_record_once_a_delivery_stream_and_by_five_kilobytes(
    inputs: Inputs, delivery: str, times: int
) -> None:
    gigabytes = 10 * MONTH * times * 5120 / 1e9
    for size in (1, 1_000, 5_120):
        bill = project_bill(Scenario(10, size), inputs, delivery)
        assert bill["Firehose, intake"] == pytest.approx(gigabytes * 0.029)
    larger = project_bill(Scenario(10, 5_121), inputs, delivery)
    assert larger["Firehose, intake"] == pytest.approx(2 * gigabytes * 0.029)


def test_firehose_gets_cheaper_by_volume(inputs: Inputs) -> None:
    bill = project_bill(Scenario(100_000, 1_000), inputs)["Firehose, intake"]
    gigabytes = 100_000 * MONTH * 4 * 5120 / 1e9
    by_hand = 512_000 * 0.029 + 1_536_000 * 0.025 + (gigabytes - 2_048_000) * 0.020
    assert bill == pytest.approx(by_hand)


def test_partitioning_is_billed_by_what_is_delivered_in_bytes_and_objects(inputs: Inputs) -> None:
    scenario = Scenario(1_000, 1_000)
    by_hand = 1_000 * MONTH * 900 / 1e9 * 0.02
    by_hand += load_of(scenario, inputs, "shared").objects * MONTH * 0.000005
    billed = {kind: project_bill(scenario, inputs, kind) for kind in KINDS}
    item = "Firehose, dynamic partitioning"
    assert billed["shared"][item] == pytest.approx(by_hand)
    assert billed["per_type"][item] == 0


@pytest.mark.parametrize(("delivery", "micros"), [("per_type", 40), ("shared", 30)])
def test_compute_is_billed_by_the_vcpu_that_it_takes(
    inputs: Inputs, delivery: str, micros: float
) -> None:
    scenario = Scenario(1_000, 1_000)
    bill = project_bill(scenario, inputs, delivery)["Lambda, transforms"]
    seconds = 1_000 * MONTH * micros * 1e-6
    requests = load_of(scenario, inputs, delivery).invocations * MONTH * 0.0000002
    assert bill == pytest.approx(seconds * 1769 / 1024 * 0.0000133334 + requests)


@pytest.mark.parametrize(("days", "hours"), [(1, 12 + 2), (2, 36 + 2)])
def test_refreshes_read_the_last_days_and_what_they_compare(
    inputs: Inputs, days: int, hours: int
) -> None:
    of_days = {"current_state_days": days, "current_state_refresh_minutes": 60}
    inputs = replace(inputs, settings={**inputs.settings, **of_days})
    rate, avro_bytes = 1_000, 150
    found = refreshes_of(rate, avro_bytes, 0.01, inputs)
    # Four types, each hour and once more each day.
    assert found.executions == pytest.approx(4 * (730 + 730 / 24))
    changes = hours * 3600 * rate * avro_bytes
    rows = rate * MONTH / CHANGES_A_RECORD
    merges = (730 + 730 / 24) * (changes + rows * COMPARED_BYTES)
    daily = 730 / 24 * 2 * rows * avro_bytes
    assert found.scanned == pytest.approx(merges + daily)
    assert found.stored == rows * avro_bytes
    bill = project_bill(Scenario(1_000, 1_000), inputs)
    assert bill["Athena, refreshes"] == pytest.approx((merges + daily) / 1e12 * 5)


def test_a_query_is_billed_for_ten_megabytes_at_least(inputs: Inputs) -> None:
    found = refreshes_of(0.001, 150, 0.01, inputs)
    queries = 4 * (730 + 3 * 730 / 24)
    assert found.scanned == pytest.approx(queries * 10 * 1024 * 1024)


def test_without_current_state_tables_there_are_no_refreshes(inputs: Inputs) -> None:
    without = replace(inputs, settings={**inputs.settings, "current_state_tables": False})
    bill = project_bill(Scenario(1_000, 1_000), without)
    assert bill["Athena, refreshes"] == bill["Step Functions"] == 0


def test_maintenance_has_its_four_queries_more() -> None:
    assert shortest(maintain=True) - shortest() == 4


def test_each_request_may_be_one_to_the_buckets_key(inputs: Inputs) -> None:
    few, many = (key_bill(Scenario(rate, 1_000), inputs) for rate in (10, 100_000))
    load = load_of(Scenario(100_000, 1_000), inputs)
    # Each landed object is put and read.
    assert many - few > 2 * load.objects * MONTH * 0.000003 * 0.9
    assert few > 0


def test_a_metric_for_every_count_would_cost_more_at_any_rate(inputs: Inputs) -> None:
    for rate in (10, 1_000):
        scenario = Scenario(rate, 1_500)
        many = project_bill(scenario, inputs, watched=with_all_counts())
        few = project_bill(scenario, inputs)
        dearer = {item for item in few if many[item] > few[item]}
        assert dearer == {"CloudWatch metrics", "CloudWatch logs"}
        assert {item for item in few if many[item] < few[item]} == set()


@pytest.mark.parametrize("size", scale.SIZES)
@pytest.mark.parametrize("rate", scale.BILL_RATES)
def test_a_shared_delivery_stream_costs_less_as_the_page_says(rate: int, size: int) -> None:
    own, shared, _ = totals(Scenario(rate, size))
    assert shared < own


def test_the_target_of_a_shared_delivery_stream_is_met() -> None:
    assert over_month(load()).met


# README.md: up to some twenty and some sixty changes a second, the project costs less.
@pytest.mark.parametrize(
    ("rate", "cheaper"),
    [(15, {"per_type", "shared"}), (30, {"shared"}), (55, {"shared"}), (75, set())],
)
def test_the_project_costs_less_than_the_worker_up_to_the_rates_of_the_readme(
    rate: int, cheaper: set[str]
) -> None:
    *project, node = totals(Scenario(rate, 1_500))
    assert {kind for kind, bill in zip(KINDS, project, strict=True) if bill < node} == cheaper


def totals(scenario: Scenario) -> list[float]:
    """Return the bills with each kind of delivery, and the worker's, from the last measurement."""
    measured = load()
    bills = [project_bill(scenario, measured, kind) for kind in KINDS]
    return [sum(bill.values()) for bill in (*bills, node_bill(scenario, measured))]


def test_a_shard_gives_each_of_its_readers_a_part_of_two_megabytes(inputs: Inputs) -> None:
    # 10 MB/s: 20 shards for four readers, 10 for one, which can read all that a shard accepts.
    own, shared = (load_of(Scenario(1_024, 10_240), inputs, kind) for kind in KINDS)
    assert (own.shards, shared.shards, own.node_shards) == (20, 10, 10)
    assert load_of(Scenario(2_500, 10), inputs).shards == 3, "a shard takes 1000 records a second"


def test_more_changes_use_more_of_every_limit_and_cost_more(inputs: Inputs) -> None:
    few, many = Scenario(10_000, 1_500), Scenario(20_000, 1_500)
    for kind in KINDS:
        for name, share in limits(few, inputs, kind).items():
            assert limits(many, inputs, kind)[name] >= share * 0.999
        less, more = (sum(project_bill(each, inputs, kind).values()) for each in (few, many))
        assert less < more
    assert sum(node_bill(many, inputs).values()) > sum(node_bill(few, inputs).values())


def test_a_shared_delivery_stream_leaves_four_of_five_reads_to_others(inputs: Inputs) -> None:
    reads = "a shard's reads a second"
    own, shared = (limits(Scenario(10, 1_000), inputs, kind)[reads] for kind in KINDS)
    assert (own, shared) == (0.8, 0.2)


def test_a_day_without_an_outage_is_as_fresh_at_its_end_as_at_its_beginning(inputs: Inputs) -> None:
    day = Day(1_000, 3, (18, 20), (9, 9), 1_500)
    simulated = simulate(day, inputs)
    assert max(simulated.freshness) - min(simulated.freshness) <= 1
    assert sum(simulated.written) == pytest.approx(sum(simulated.arrived))


def test_after_an_outage_everything_is_written_and_the_backlog_is_gone(inputs: Inputs) -> None:
    simulated = simulate(Day(1_000, 3, (18, 20), (9, 11), 1_500), inputs)
    assert max(simulated.waiting) == pytest.approx(2 * 3600 * 1_000, rel=0.01)
    assert 0 < simulated.caught_up_minutes < 24 * 60
    assert sum(simulated.written) == pytest.approx(sum(simulated.arrived))
    assert simulated.freshness[-1] == pytest.approx(simulated.freshness[0], abs=1)


def test_the_page_is_made_from_what_was_measured() -> None:
    docs = Path(scale.__file__).parents[1] / "docs"
    made = scale.page(load())
    assert (docs / "scale.md").read_text() == made, "run python -m bench.scale"
