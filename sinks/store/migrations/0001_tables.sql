-- Every table keeps one row per identity (its ORDER BY): writing a row again replaces it with itself.
-- The partition is a function of the same immutable event time, so that two copies of a row always meet.
-- Times are UTC with milliseconds. Read with FINAL, or through the views of 0002.

CREATE TABLE IF NOT EXISTS events
(
    topic LowCardinality(String) COMMENT 'Kafka topic of the event',
    partition UInt32 COMMENT 'Kafka partition; with topic and offset the identity of the row',
    offset UInt64 COMMENT 'Position in the partition: the order in which the event was processed' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'CloudEvents id, given by the producer',
    type LowCardinality(String) COMMENT 'Contract of the event, such as enforcement.action or traffic.sample',
    source LowCardinality(String) COMMENT 'CloudEvents source: who produced the event',
    event_time DateTime64(3, 'UTC') COMMENT 'When it happened (CloudEvents time), not when it arrived' CODEC(DoubleDelta, ZSTD(1)),
    precision LowCardinality(String) COMMENT 'How exact event_time is: second, minute, hour or day',
    weight UInt64 COMMENT 'How many happenings the event stands for; 1 unless it is an aggregate. Sum this, do not count rows',
    late UInt8 COMMENT '1: it came behind its partition''s watermark, is in no judgement and is left out of replays',
    duplicate UInt8 COMMENT '1: its event_id was counted before on this partition; it is in no judgement and is left out of replays',
    key String COMMENT 'Kafka key: the entity that decides the partition',
    data String COMMENT 'The event''s data as JSON, as its contract writes it' CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here, so that old recordings can be loaded',
    INDEX by_event_time event_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (topic, partition, offset)
TTL stored_at + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every valid event as it came, late and repeated ones too. Kept 400 days after it was stored';

CREATE TABLE IF NOT EXISTS dead_letters
(
    topic LowCardinality(String) COMMENT 'Kafka topic of the record',
    partition UInt32 COMMENT 'Kafka partition; with topic and offset the identity of the row',
    offset UInt64 COMMENT 'Position in the partition',
    reason LowCardinality(String) COMMENT 'Why it was set aside, as a stable code: broken_json, unknown_type, contract, oversized, null_value and others',
    detail String COMMENT 'The same in words, with the field that is wrong',
    key String COMMENT 'Kafka key as text',
    headers String COMMENT 'Kafka headers as JSON',
    value String COMMENT 'The record''s raw bytes as they came; may not be UTF-8' CODEC(ZSTD(3)),
    recorded_at DateTime64(3, 'UTC') COMMENT 'Timestamp of the record in Kafka',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
TTL stored_at + INTERVAL 180 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Records that break their contract, whole, so that they can be corrected and requeued. Kept 180 days after it was stored';

CREATE TABLE IF NOT EXISTS partials
(
    monitor LowCardinality(String) COMMENT 'Monitor that asked',
    config_hash LowCardinality(String) COMMENT 'Hash of the monitor''s configuration',
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the bucket, inclusive' CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') COMMENT 'End of the bucket, exclusive' CODEC(DoubleDelta, ZSTD(1)),
    series Map(LowCardinality(String), String) COMMENT 'Dimensions of the series, such as market or action_type',
    topic LowCardinality(String) COMMENT 'Source topic',
    partition UInt32 COMMENT 'Source partition; a bucket of a series is the sum over its partitions',
    value Int64 COMMENT 'Exact sum of the measure in this partition' CODEC(T64, ZSTD(1)),
    exposure Int64 COMMENT 'Exact sum of the denominator where the measure is a ratio, else 0' CODEC(T64, ZSTD(1)),
    distinct String COMMENT 'Base64 of a mergeable sketch of distinct subjects, or empty' CODEC(ZSTD(1)),
    series_id FixedString(16) MATERIALIZED sipHash128(toString(mapSort(series))) COMMENT 'Hash of series, whatever the order of its dimensions',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (monitor, config_hash, series_id, window_start, topic, partition)
TTL stored_at + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What each source partition counted in a bucket of a series. Kept 400 days after it was stored';

CREATE TABLE IF NOT EXISTS judgements
(
    run LowCardinality(String) COMMENT 'live, or the name of a replay',
    monitor LowCardinality(String) COMMENT 'Monitor that judged',
    config_hash LowCardinality(String) COMMENT 'Hash of the monitor''s configuration',
    series Map(LowCardinality(String), String) COMMENT 'Dimensions of the series',
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the bucket, inclusive' CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') COMMENT 'End of the bucket, exclusive' CODEC(DoubleDelta, ZSTD(1)),
    observed Nullable(Float64) COMMENT 'What was measured; NULL where nothing was reported',
    expected Nullable(Float64) COMMENT 'What the model expected before it saw the bucket; NULL while it does not know enough',
    score Nullable(Float64) COMMENT 'About -log10 of the chance to see something this unusual in a normal bucket: 0 is ordinary, larger is stranger',
    state LowCardinality(String) COMMENT 'State of the series after the bucket, insufficient, normal, anomalous (over the threshold, below a floor), firing, or failed: and why its model is not asked any more',
    series_id FixedString(16) MATERIALIZED sipHash128(toString(mapSort(series))) COMMENT 'Hash of series, whatever the order of its dimensions',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(window_start)
ORDER BY (run, monitor, config_hash, series_id, window_start)
TTL stored_at + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every bucket of every series as it was judged. Kept 400 days after it was stored';

CREATE TABLE IF NOT EXISTS alerts
(
    run LowCardinality(String) COMMENT 'live, or the name of a replay',
    alert_id String COMMENT 'Derived from monitor, configuration, series and window_start: equal in every run over the same events',
    version UInt32 COMMENT 'Counts the times the alert changed; the highest one is the truth',
    episode_id String COMMENT 'The same for all alerts of one ongoing deviation of a series',
    monitor LowCardinality(String) COMMENT 'Monitor that raised it',
    kind LowCardinality(String) COMMENT 'TRAFFIC_ANOMALY, QUALITY_DEGRADATION, ENFORCEMENT_SPIKE, ENFORCEMENT_DROP, REGIME_CHANGE, REPORTING_GAP, SOURCE_SILENT or CARDINALITY',
    direction LowCardinality(String) COMMENT 'UP, DOWN or MISSING',
    series Map(LowCardinality(String), String) COMMENT 'Dimensions of the series that deviates',
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the bucket that raised it, inclusive',
    window_end DateTime64(3, 'UTC') COMMENT 'End of that bucket, exclusive',
    observed Nullable(Float64) COMMENT 'What was measured; NULL where nothing was reported',
    expected Nullable(Float64) COMMENT 'What the model expected',
    score Nullable(Float64) COMMENT 'About -log10 of the chance to see something this unusual in a normal bucket: larger is stranger',
    scan_buckets UInt32 DEFAULT 1 COMMENT 'Over how many buckets the deviation was found; 1 is the bucket itself',
    scan_observed Nullable(Float64) COMMENT 'What was measured over those buckets together',
    scan_expected Nullable(Float64) COMMENT 'What the model expected over them',
    subjects Nullable(UInt64) COMMENT 'Distinct subjects concerned, estimated; NULL where the monitor does not count them',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    status LowCardinality(String) COMMENT 'firing, or resolved',
    ends_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of the deviation; NULL while it lasts',
    explanation Nullable(String) COMMENT 'Which slice carries it and what changed at the time, as JSON; NULL where unknown',
    suppressed_by Nullable(String) COMMENT 'Why nobody was notified (a silence, a parent alert, a budget); NULL where somebody was',
    case_id Nullable(String) COMMENT 'Case candidate it belongs to',
    config_hash LowCardinality(String) COMMENT 'Hash of the monitor''s configuration',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (run, alert_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Alerts, suppressed ones too, in their newest version. Kept for ever';

CREATE TABLE IF NOT EXISTS case_candidates
(
    run LowCardinality(String) COMMENT 'live, or the name of a replay',
    case_id String COMMENT 'Derived from the first alert of the case',
    version UInt32 COMMENT 'Counts the times the case changed; the highest one is the truth',
    title String COMMENT 'What happened, in one line',
    status LowCardinality(String) COMMENT 'State of the candidate',
    grouping String COMMENT 'Group of monitors whose alerts it collects',
    kind LowCardinality(String) COMMENT 'Kind of its alerts, MIXED where they differ',
    started_at DateTime64(3, 'UTC') COMMENT 'Start of its earliest alert',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'End of its last alert; NULL while one lasts',
    alert_ids Array(String) COMMENT 'Its alerts',
    monitors Array(String) COMMENT 'Their monitors',
    series Array(Map(LowCardinality(String), String)) COMMENT 'Their series',
    severity LowCardinality(String) COMMENT 'Highest severity of its alerts',
    evidence String COMMENT 'Evidence as JSON: series around the window, counts, configuration of the monitors' CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, case_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Related alerts as one candidate for a case, in its newest version. Kept for ever';

CREATE TABLE IF NOT EXISTS state
(
    stage LowCardinality(String) COMMENT 'Stage of the pipeline',
    topic LowCardinality(String) COMMENT 'Its input topic',
    partition UInt32 COMMENT 'Its input partition',
    key String COMMENT 'Part of the state, such as one series',
    next_offset UInt64 COMMENT 'Position of the input that this state includes, exclusive',
    watermark DateTime64(3, 'UTC') COMMENT 'Watermark at that position',
    blob String COMMENT 'The part as JSON' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (stage, topic, partition, next_offset, watermark, key)
COMMENT 'Saved state of the workers. Not for analysis. Superseded rows are removed at each full checkpoint';

CREATE TABLE IF NOT EXISTS manifest
(
    stage LowCardinality(String) COMMENT 'Stage of the pipeline',
    topic LowCardinality(String) COMMENT 'Its input topic',
    partition UInt32 COMMENT 'Its input partition',
    next_offset UInt64 COMMENT 'First record that is not yet included: where to go on',
    watermark DateTime64(3, 'UTC') COMMENT 'Watermark at that position',
    full_offset UInt64 COMMENT 'Position of the last full checkpoint: state rows below it do not count',
    full_watermark DateTime64(3, 'UTC') COMMENT 'Watermark of the last full checkpoint',
    header String COMMENT 'Small state of the stage as JSON' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (stage, topic, partition, next_offset, watermark)
COMMENT 'Which saved state is complete: written after its state rows, so that a torn checkpoint does not count. Not for analysis';
