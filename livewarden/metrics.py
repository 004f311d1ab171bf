"""Every metric, by name, kind, labels and meaning. Code and dashboards use these rows; there is no other list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: `name` as Prometheus shows it (without `_total`), what it counts, and in what unit."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


METRICS: tuple[Metric, ...] = (
    Metric("livewarden_records", "counter", ("stage", "topic"), "Records taken by a stage, repeated ones left out."),
    Metric(
        "livewarden_events",
        "counter",
        ("topic", "outcome"),
        (
            "Valid events by what became of them: counted, late, duplicate, conflict (an id again that says something "
            "else)."
        ),
    ),
    Metric(
        "livewarden_unknown_fields",
        "counter",
        ("topic",),
        "Events with a field that their contract does not know; it is kept.",
    ),
    Metric(
        "livewarden_dead_letters",
        "counter",
        ("topic", "reason"),
        "Records set aside because they broke their contract.",
    ),
    Metric(
        "livewarden_lost_records",
        "counter",
        ("topic",),
        "Records that Kafka deleted before they were read: lost unread.",
    ),
    Metric(
        "livewarden_partitions_unexpected",
        "gauge",
        ("topic",),
        "Partitions of a topic beyond what the workers were set up for.",
    ),
    Metric("livewarden_rows", "counter", ("table",), "Rows written to ClickHouse."),
    Metric("livewarden_alerts", "counter", ("monitor", "kind"), "Alerts raised, suppressed ones left out."),
    Metric(
        "livewarden_alerts_suppressed", "counter", ("monitor", "reason"), "Alerts stored without notification anybody."
    ),
    Metric("livewarden_notifications", "counter", ("channel", "outcome"), "Tries to notify: sent or failed."),
    Metric("livewarden_retries", "counter", ("neighbour",), "Calls repeated because ClickHouse or Kafka was busy."),
    Metric(
        "livewarden_messages_too_large",
        "counter",
        ("topic",),
        "Messages between the stages that Kafka would never take; their rows are in ClickHouse.",
    ),
    Metric("livewarden_commits", "counter", ("stage",), "Positions committed after their state was durable."),
    Metric("livewarden_partitions", "gauge", ("stage",), "Partitions that this worker owns."),
    Metric("livewarden_lag_records", "gauge", ("topic",), "Records that the group has not processed yet."),
    Metric(
        "livewarden_unread_seconds",
        "gauge",
        ("topic",),
        "Longest time without progress on a partition that has unread records; 0: they are being read.",
    ),
    Metric(
        "livewarden_watermark_seconds",
        "gauge",
        ("stage", "topic", "partition"),
        "Event time up to which a partition is complete, Unix seconds.",
    ),
    Metric(
        "livewarden_console_refused",
        "counter",
        ("why",),
        "Requests with a token that the console did not let in: wrong_token, throttled.",
    ),
    Metric(
        "livewarden_clock_skew_seconds",
        "gauge",
        (),
        "How far this machine's clock is ahead of Kafka's, as of Kafka's last answer; negative: behind.",
    ),
    Metric("livewarden_radar_failures", "counter", (), "Looks of the misjudgement radar that ended in an error."),
    Metric(
        "livewarden_canary_seconds",
        "gauge",
        (),
        "How long the newest canary took from its topic through all stages to its channel.",
    ),
    Metric(
        "livewarden_canary_missing_seconds",
        "gauge",
        (),
        "How long canaries have been missing, on the worker that sends them; 0: they arrive.",
    ),
    Metric(
        "livewarden_watermark_ahead_seconds",
        "gauge",
        ("topic", "partition"),
        "How far the watermark of a source partition stands ahead of Kafka's clock; 0: it does not.",
    ),
    Metric("livewarden_flush_seconds", "histogram", ("stage",), "Time to make one flush durable."),
)
