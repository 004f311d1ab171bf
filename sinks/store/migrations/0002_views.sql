-- Views for analysts: one row per thing, newest version, no double counts.

CREATE VIEW IF NOT EXISTS alerts_now AS
SELECT alert_id, case_id, episode_id, monitor, kind, direction, severity, series, window_start, window_end,
       observed, expected, score, scan_buckets, scan_observed, scan_expected, subjects, explanation, version, config_hash
FROM alerts FINAL
WHERE run = 'live' AND status = 'firing' AND suppressed_by IS NULL
COMMENT 'What needs attention: live alerts that are firing and not suppressed';

CREATE VIEW IF NOT EXISTS alerts_history AS
SELECT run, alert_id, case_id, episode_id, monitor, kind, direction, severity, status, series, window_start, window_end,
       ends_at,
       observed, expected, score, scan_buckets, scan_observed, scan_expected, subjects, explanation, suppressed_by, version,
       config_hash, stored_at
FROM alerts FINAL
COMMENT 'Every alert of every run in its newest version, suppressed ones with the reason';

CREATE VIEW IF NOT EXISTS cases_now AS
SELECT case_id, title, status, kind, severity, grouping, started_at, ended_at, length(alert_ids) AS alert_count,
       alert_ids, monitors, series, evidence, version
FROM case_candidates FINAL
WHERE run = 'live'
COMMENT 'Live case candidates in their newest version';

CREATE VIEW IF NOT EXISTS enforcement_actions AS
SELECT event_time AS decided_at,
       JSONExtractString(data, 'action_id') AS action_id,
       JSONExtract(data, 'violation_id', 'Nullable(String)') AS violation_id,
       JSONExtract(data, 'platform', 'Nullable(String)') AS platform,
       JSONExtract(data, 'market', 'Nullable(String)') AS market,
       JSONExtract(data, 'action_type', 'Nullable(String)') AS action_type,
       JSONExtract(data, 'restriction', 'Nullable(String)') AS restriction,
       JSONExtract(data, 'state', 'Nullable(String)') AS state,
       JSONExtract(data, 'subject_type', 'Nullable(String)') AS subject_type,
       JSONExtract(data, 'subject_id', 'Nullable(String)') AS subject_id,
       JSONExtract(data, 'shop_id', 'Nullable(String)') AS shop_id,
       parseDateTime64BestEffortOrNull(JSONExtract(data, 'effective_at', 'Nullable(String)'), 3, 'UTC') AS effective_at,
       parseDateTime64BestEffortOrNull(JSONExtract(data, 'ends_at', 'Nullable(String)'), 3, 'UTC') AS ends_at,
       JSONExtract(data, 'points_delta', 'Nullable(Int64)') AS points_delta,
       JSONExtract(data, 'policy_id', 'Nullable(String)') AS policy_id,
       JSONExtract(data, 'policy_version', 'Nullable(String)') AS policy_version,
       JSONExtract(data, 'rule_id', 'Nullable(String)') AS rule_id,
       JSONExtract(data, 'model_id', 'Nullable(String)') AS model_id,
       JSONExtract(data, 'model_version', 'Nullable(String)') AS model_version,
       JSONExtract(data, 'queue_id', 'Nullable(String)') AS queue_id,
       JSONExtract(data, 'reviewer_type', 'Nullable(String)') AS reviewer_type,
       weight, precision, late, event_id, source, topic, partition, offset
FROM events FINAL
WHERE type = 'enforcement.action' AND duplicate = 0
COMMENT 'Moderation actions, one row an event, late ones too (late = 1), repeated ones not. Sum weight, do not count rows: a row may stand for a day';

CREATE VIEW IF NOT EXISTS traffic_samples AS
SELECT event_time AS window_start,
       JSONExtract(data, 'window_s', 'Nullable(Float64)') AS window_s,
       JSONExtract(data, 'room_id', 'Nullable(String)') AS room_id,
       JSONExtract(data, 'shop_id', 'Nullable(String)') AS shop_id,
       JSONExtract(data, 'creator_id', 'Nullable(String)') AS creator_id,
       JSONExtract(data, 'market', 'Nullable(String)') AS market,
       JSONExtract(data, 'traffic_source', 'Nullable(String)') AS traffic_source,
       JSONExtract(data, 'ccu', 'Nullable(Int64)') AS ccu,
       JSONExtract(data, 'viewers_in', 'Nullable(Int64)') AS viewers_in,
       JSONExtract(data, 'viewers_out', 'Nullable(Int64)') AS viewers_out,
       JSONExtract(data, 'views', 'Nullable(Int64)') AS views,
       JSONExtract(data, 'likes', 'Nullable(Int64)') AS likes,
       JSONExtract(data, 'comments', 'Nullable(Int64)') AS comments,
       JSONExtract(data, 'shares', 'Nullable(Int64)') AS shares,
       JSONExtract(data, 'gifts_value_minor', 'Nullable(Int64)') AS gifts_value_minor,
       JSONExtract(data, 'product_clicks', 'Nullable(Int64)') AS product_clicks,
       JSONExtract(data, 'atc', 'Nullable(Int64)') AS atc,
       JSONExtract(data, 'orders', 'Nullable(Int64)') AS orders,
       JSONExtract(data, 'gmv_minor', 'Nullable(Int64)') AS gmv_minor,
       JSONExtract(data, 'currency', 'Nullable(String)') AS currency,
       weight, precision, late, event_id, source, topic, partition, offset
FROM events FINAL
WHERE type = 'traffic.sample' AND duplicate = 0
COMMENT 'Traffic of LIVE rooms, one row an event, late ones too (late = 1), repeated ones not. Money in minor units of currency';

CREATE VIEW IF NOT EXISTS series_history AS
SELECT run, monitor, series, window_start, window_end, observed, expected, score, state, config_hash
FROM judgements FINAL
COMMENT 'Every judged bucket of every series: what was observed, what was expected, how strange it was. Filter by run and monitor';

CREATE VIEW IF NOT EXISTS dead_letters_by_reason AS
SELECT toStartOfHour(recorded_at) AS hour, topic, reason, count() AS records, any(detail) AS example
FROM dead_letters FINAL
GROUP BY hour, topic, reason
COMMENT 'Records set aside, by hour, topic and reason, with one example in words';

CREATE VIEW IF NOT EXISTS ingest_by_hour AS
SELECT toStartOfHour(event_time) AS hour, topic, type, countIf(duplicate = 0) AS events,
       sumIf(weight, duplicate = 0) AS happenings, countIf(late = 1) AS late_events, countIf(duplicate = 1) AS repeated_events
FROM events FINAL
GROUP BY hour, topic, type
COMMENT 'By hour of event time, topic and type: events, the happenings they stand for, how many of them came late, and how many repetitions were left out';
