-- What the misjudgement radar said of each cell on each day, and what of complaints ought to be looked at.

CREATE TABLE IF NOT EXISTS misjudgement_readings
(
    day DateTime64(3, 'UTC') COMMENT 'The day at whose end it was read',
    cell String COMMENT 'The cell in words: policy, market, queue, model, who decides; everything stands for all',
    version UInt64 COMMENT 'When it was read, in milliseconds since 1970; the newest counts',
    depth UInt8 COMMENT 'How many parts of the cell are named, 0 to 5',
    measures UInt64 COMMENT 'Measures of the last 28 days',
    appealed UInt64 COMMENT 'Those of them that were appealed against so far',
    reversed UInt64 COMMENT 'Those of them that were taken back so far: appeals granted and errors corrected without one',
    estimate Nullable(Float64) COMMENT 'How many of them will be taken back in the end; NULL where the cell is too small or too young',
    low Nullable(Float64) COMMENT 'Lower end of the 90 % interval',
    high Nullable(Float64) COMMENT 'Upper end of the 90 % interval',
    maturity Nullable(Float64) COMMENT 'Share of the reversals that is known',
    jump Nullable(Float64) COMMENT 'How many times the usual it is, where that is surely more than 1.25; else NULL',
    note String COMMENT 'The same in words: a jump, a delay that moved, which parent to see',
    reading String COMMENT 'All of it as JSON, as livewarden overturns --json has it' CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (day, cell)
TTL stored_at + INTERVAL 1100 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What the misjudgement radar said of each cell on each day. Kept 1,100 days after it was stored';

CREATE VIEW IF NOT EXISTS complaint_watch AS
WITH
    steps AS (
        SELECT JSONExtractString(data, 'appeal_id') AS appeal_id,
               max(JSONExtractString(data, 'action_id')) AS action_id,
               max(JSONExtract(data, 'attempt', 'Nullable(UInt32)')) AS attempt,
               max(JSONExtractString(data, 'channel')) AS channel,
               max(JSONExtractString(data, 'complaint_type')) AS complaint_type,
               min(event_time) AS submitted_at,
               minIf(event_time, JSONExtractString(data, 'state') = 'RESOLVED') AS resolved,
               countIf(JSONExtractString(data, 'state') = 'RESOLVED') AS resolutions,
               countIf(JSONExtractString(data, 'state') IN ('WITHDRAWN', 'EXPIRED')) AS dropped,
               argMinIf(JSONExtractString(data, 'outcome'), event_time, JSONExtractString(data, 'state') = 'RESOLVED') AS outcome,
               argMinIf(JSONExtractString(data, 'decided_by'), event_time, JSONExtractString(data, 'state') = 'RESOLVED') AS decided_by,
               maxIf(JSONExtractBool(data, 'automated'), JSONExtractString(data, 'state') = 'RESOLVED') AS automated
        FROM events
        WHERE type = 'appeal.lifecycle'
        GROUP BY appeal_id
    )
SELECT appeal_id, action_id, ifNull(attempt, 1) AS attempt, channel, complaint_type, submitted_at,
       if(resolutions > 0, resolved, NULL) AS decided_at,
       if(resolutions > 0, dateDiff('second', submitted_at, resolved), NULL) AS seconds_to_decide,
       outcome, decided_by,
       toUInt8(automated) AS automated,
       toUInt8(resolutions = 0 AND dropped = 0) AS waiting,
       toUInt8(resolutions > 0 AND automated = 0 AND dateDiff('second', submitted_at, resolved) < 60) AS implausibly_fast,
       toUInt8(decided_by != '' AND decided_by = lagInFrame(decided_by) OVER again) AS same_reviewer_twice,
       toUInt8(automated = 1 AND measures.automation = 'AUTOMATED') AS automated_twice,
       if(channel = 'ODS_BODY', submitted_at + INTERVAL 90 DAY, NULL) AS due_at
FROM steps
LEFT JOIN (SELECT action_id, automation FROM measure_outcomes) AS measures ON measures.action_id = steps.action_id
WINDOW again AS (PARTITION BY steps.action_id ORDER BY ifNull(attempt, 1), submitted_at, appeal_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
COMMENT 'One row an appeal: how fast, by whom and how it was decided, and what of that ought to be looked at (DSA Art. 20(6), 21)';
