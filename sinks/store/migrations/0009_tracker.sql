-- What was exported as a workbook: only such a workbook is taken back.

CREATE TABLE IF NOT EXISTS tracker_exports
(
    export_id String COMMENT 'Given to the export; the workbook names it',
    at DateTime64(3, 'UTC') COMMENT 'When it was exported, by the clock',
    who String COMMENT 'Who exported it',
    rows UInt32 COMMENT 'Cases in it',
    digest String COMMENT 'SHA-256 of its baseline: what the cases were',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here'
)
ENGINE = ReplacingMergeTree
ORDER BY export_id
TTL stored_at + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every export of the tracker as a workbook. Kept 400 days after it was stored';
