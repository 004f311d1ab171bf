"""The readers of the throughput benchmark do the same work."""

from __future__ import annotations

from collections import Counter

from bench import storm, traffic
from bench.own_reader import TOPIC, _open
from bench.readers import Meter, Sums
from bench.regress import worse
from cli.common import load_plan
from models.aggregate.partial import Partial
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from models.response.response_event import AlertUpdated
from sources.codec import Record
from streams.stages import Ingest

EVENTS = 600


def test_all_come_to_the_same_sums() -> None:
    validated, lean = Sums(), Sums()
    stage = Ingest(load_plan(None), TOPIC, 0, 1, 30_000)
    records = []
    for offset, (_, key, value, headers) in enumerate(traffic.wire(EVENTS, 1)):
        validated.validated(headers, value)
        lean.lean(headers, value)
        records.append(Fetched(TOPIC, 0, offset, key, value, headers))
    stage.process(records)
    ours = Counter(_open(stage))
    for message in stage.output.messages:
        if isinstance(message, Partial) and message.role == "sums":
            ours[message.monitor] += sum(row[1] for row in message.rows)
    assert validated.totals() == lean.totals()
    assert validated.totals().items() <= ours.items()
    assert min(validated.totals().values()) > 0


class Fetched(Record):
    """A record with the name that the client has for its timestamp."""

    timestamp = -1


def test_the_warm_up_is_not_counted() -> None:
    meter = Meter(100)
    assert [meter.add(number) for number in (5, 5, 80, 10)] == [False, False, False, True]
    meter.stop()
    assert meter.events == 90


def test_a_figure_that_is_worse_or_was_never_kept_is_named() -> None:
    assert worse({"short.a": 1.4, "short.b": 1.6}, {"short.a": 1.0, "short.b": 1.0}) == ["short.b is 1.6, it was 1"]
    assert worse({"short.c": 0.1}, {}) == ["short.c is not in bench/results.json: python -m bench.regress --write"]


def test_a_storm_is_one_alert_a_series_that_begins_and_ends() -> None:
    _, said = storm.judged_s(Plan(parse_monitors(storm.ASKED)), 20)
    alerts = [each.alert for each in said if isinstance(each, AlertUpdated)]
    assert Counter((alert.version, alert.status) for alert in alerts if alert.version == 1) == {(1, "firing"): 20}
    assert len({alert.alert_id for alert in alerts if alert.status == "resolved"}) == 20
