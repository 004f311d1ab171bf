-- How livewarden itself is doing, as its workers say: what they have to tell, where the logs stand, and the canary.

CREATE TABLE IF NOT EXISTS health_alerts
(
    alert_id String COMMENT 'The same for as long as the condition lasts',
    kind LowCardinality(String) COMMENT 'canary_late, clock_skew, events_unread, lost_unread, source_ahead, topic_grown, watermark_ahead or worker_stalled',
    about String COMMENT 'What it is about: a topic and partition, a source, a worker',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    title String COMMENT 'What is wrong, in one line',
    body String COMMENT 'The same with its numbers: topics, partitions, offsets, counts',
    status LowCardinality(String) COMMENT 'firing, or over',
    since DateTime64(3, 'UTC') COMMENT 'When a worker first saw it, by the clock',
    seen_at DateTime64(3, 'UTC') COMMENT 'When it last did, about every minute while it lasts; firing and long not seen: that worker is gone',
    worker String COMMENT 'Worker that says so',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(seen_at)
ORDER BY alert_id
TTL stored_at + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What livewarden has to tell about itself: notified on the channels of watch, apart from all alerts of monitors. Kept for 400 days';

CREATE TABLE IF NOT EXISTS log_positions
(
    topic LowCardinality(String) COMMENT 'Kafka topic, without the prefix of a shared cluster',
    partition UInt32 COMMENT 'Its partition',
    log_end UInt64 COMMENT 'Offset that the next record will get',
    next_offset UInt64 COMMENT 'Offset that is processed next; log_end less this one is the lag, marks of transactions included',
    unread_seconds Float64 COMMENT 'How long nobody got on with it though records are unread; 0 while it is read',
    seen_at DateTime64(3, 'UTC') COMMENT 'When Kafka said so, by the clock of the worker that asked',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(seen_at)
ORDER BY (topic, partition)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'How far the workers are on each partition, as of the last look. One row each';

CREATE TABLE IF NOT EXISTS workers
(
    worker String COMMENT 'Name of the process: host, process id, and a part that is new at each start',
    seen_at DateTime64(3, 'UTC') COMMENT 'When it last said so, about every 15 seconds',
    why_not_ready String COMMENT 'Why it is of no use now, in one line; empty: it is',
    clock_skew_seconds Nullable(Float64) COMMENT 'How far its clock is ahead of Kafka''s, negative: behind; NULL where Kafka has not said',
    ingest UInt32 COMMENT 'Source partitions that it owns',
    detect UInt32 COMMENT 'Partitions of livewarden.partials that it owns',
    respond UInt32 COMMENT '1: it is the one that answers alerts and sends notifications',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(seen_at)
ORDER BY worker
TTL stored_at + INTERVAL 7 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'The workers, as they last said. Kept for 7 days';

CREATE TABLE IF NOT EXISTS canaries
(
    sent_at DateTime64(3, 'UTC') COMMENT 'When the canary was sent, by the clock of the worker that sent it',
    arrived_at DateTime64(3, 'UTC') COMMENT 'When it came out at the end: stored, through all stages, and sent to its channel',
    seconds Float64 COMMENT 'The way took so long',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY sent_at
TTL stored_at + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Canaries that arrived: synthetic events that show that the whole path works. Kept for 30 days';

ALTER TABLE manifest ADD COLUMN IF NOT EXISTS topic_id String COMMENT 'Kafka''s id of the topic that the offset belongs to; another id: the topic was made again. Empty where the broker has none';

-- A bucket that is not judged leaves a row that says so; sums are named by what shapes them, not by a monitor's whole configuration.

ALTER TABLE judgements COMMENT COLUMN IF EXISTS state 'State of the series after the bucket, insufficient, normal, anomalous (over the threshold, below a floor), firing, or failed: and why its model is not asked any more; skipped: and why, of a bucket of the whole monitor that was not judged, with an empty series';

ALTER TABLE partials COMMENT COLUMN IF EXISTS config_hash 'Hash of what the monitor is summed by, or in-part for a bucket that was under way when the monitor came; not the config_hash of alerts and judgements';
