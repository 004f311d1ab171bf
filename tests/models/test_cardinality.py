"""More series than a monitor may have: bounded, counted to the last event, said once, the same in any order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from livewarden.alert import Alert
from livewarden.times import HOUR_MS, MINUTE_MS
from livewarden.wording import size_in_words, slice_in_words
from models.aggregate.aggregator import Aggregator
from models.aggregate.partial import BYTES_PER_RECORD, Partial, to_dict
from models.decide.judged import Judged
from models.decide.monitor_judge import MonitorJudge
from models.explain.leaves import REST
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from tests.core_fixtures import T0, action, aggregator, monitor

CAP = 20


def shops(**fields: Any) -> Monitor:
    return monitor(group_by=["market", "shop_id"], max_series=CAP, series=10, **fields)


def judge(
    watch: MonitorJudge, bucket: int, rows: Mapping[tuple[str, ...], int], chunks: int = 1
) -> tuple[list[Alert], list[Judged]]:
    asked, start = watch.monitor, T0 + bucket * watch.monitor.bucket
    items = list(rows.items())
    for chunk in range(chunks):
        cut = tuple((key, value, 0, "") for key, value in items[chunk::chunks])
        watch.take(Partial(asked.group_name, asked.topic, chunk % 2, asked.name, asked.sums_hash, start, chunk, cut))
    judged: list[Judged] = []
    return watch.judge(start, judged), judged


def many(bucket: int, count: int = 3 * CAP) -> dict[tuple[str, ...], int]:
    return {("DE", f"s{bucket}-{number:03}"): 1 + number % 7 for number in range(count)}


def total(judged: Iterable[Judged]) -> int:
    return sum(int(each.observed) for each in judged)


def test_what_is_beyond_the_cap_is_one_series_and_nothing_is_lost() -> None:
    watch = MonitorJudge(shops())
    for bucket in range(10):
        rows = many(bucket)
        alerts, judged = judge(watch, bucket, rows)
        assert len(watch.known()) == CAP + 1
        assert total(judged) == sum(rows.values())
        assert [(alert.kind, alert.series, alert.observed, alert.expected) for alert in alerts] == (
            [("CARDINALITY", {"shop_id": REST}, 3 * CAP, CAP)] if bucket == 0 else []
        )


def test_the_largest_of_the_new_get_the_room_whatever_the_order() -> None:
    rows = many(0)
    items = list(rows.items())
    random.Random(5).shuffle(items)
    one, other = MonitorJudge(shops()), MonitorJudge(shops())
    assert judge(one, 0, rows) == judge(other, 0, dict(items), chunks=4)
    largest = sorted(rows, key=lambda key: (-rows[key], key))[:CAP]
    assert set(one.known()) == {*largest, (REST, REST)}


def test_the_alert_ends_when_no_more_is_folded() -> None:
    watch = MonitorJudge(shops(rearm_buckets=3))
    ((begun,), _) = judge(watch, 0, many(0))
    assert size_in_words(begun) == "60 series or more, 20 are judged one by one"
    assert slice_in_words(begun) == REST
    few = {key: 1 for key in watch.known() if key != (REST, REST)}
    found = [alert for bucket in range(1, 5) for alert in judge(watch, bucket, few)[0]]
    assert [(alert.alert_id, alert.version, alert.status) for alert in found] == [(begun.alert_id, 2, "resolved")]


def test_at_the_cap_those_who_fell_silent_make_room() -> None:
    watch = MonitorJudge(shops())
    first = dict(list(many(0).items())[:CAP])
    judge(watch, 0, first)
    late = 7 * HOUR_MS // MINUTE_MS
    for bucket in range(1, late):
        judge(watch, bucket, dict(list(first.items())[:5]))
    alerts, _ = judge(watch, late, dict(list(many(9).items())[: CAP - 5]))
    assert alerts == []
    assert len(watch.known()) == CAP


def test_a_restart_changes_nothing() -> None:
    whole, before, after = MonitorJudge(shops()), MonitorJudge(shops()), MonitorJudge(shops())
    expected = [judge(whole, bucket, many(bucket)) for bucket in range(6)]
    found = [judge(before, bucket, many(bucket)) for bucket in range(3)]
    after.restore(orjson.loads(orjson.dumps(before.snapshot())))
    after.restore_entries(list(before.entries(full=True)))
    assert found + [judge(after, bucket, many(bucket)) for bucket in range(3, 6)] == expected


def test_an_open_bucket_holds_no_more_cells_than_the_cap() -> None:
    target = aggregator(shops())
    for number in range(5 * CAP):
        target.add(action(f"e{number}", T0, shop_id=f"s{number:03}"))
    assert target.open_events == 5 * CAP
    (partial,) = [each for each in target.advance(T0 + MINUTE_MS) if isinstance(each, Partial)]
    assert len(partial.rows) == CAP + 1
    assert sum(row[1] for row in partial.rows) == 5 * CAP
    assert partial.rows[-1][:2] == ((REST, REST), 4 * CAP)


def test_records_of_long_names_stay_below_what_kafka_takes() -> None:
    asked = monitor(group_by=["policy_id", "rule_id", "shop_id", "subject_id", "restriction"])
    target = Aggregator(Plan([asked]), asked.topic, 0, 1, 0)
    for number in range(400):
        label, name = "🔥" * 195 + f"{number:04}", "🔥" * 250 + f"{number:04}"
        target.add(action(f"e{number}", T0, policy_id=label, rule_id=label, shop_id=name, subject_id=name))
    found = [each for each in target.advance(T0 + MINUTE_MS) if isinstance(each, Partial)]
    sizes = [len(orjson.dumps(to_dict(each))) for each in found]
    assert len(sizes) > 1
    assert max(sizes) < BYTES_PER_RECORD + 20_000
    assert [each.chunk for each in found] == [*range(len(found))]
    assert Counter(row[0] for each in found for row in each.rows).most_common(1)[0][1] == 1
    assert sum(len(each.rows) for each in found) == 400
