-- What weekly updates said, number by number, so that each can be computed again.

CREATE TABLE IF NOT EXISTS update_facts
(
    report_id String COMMENT 'The update; it stands in the document',
    fact_id String COMMENT 'The number in it; it stands behind its sentence',
    place UInt32 COMMENT 'Position in the update',
    week DateTime64(3, 'UTC') COMMENT 'Start of the week that the update is on',
    made_at DateTime64(3, 'UTC') COMMENT 'When the update was made, by the clock',
    name LowCardinality(String) COMMENT 'The query: a count such as alerts, changed and open_cases, or cell',
    key String COMMENT 'The part that it is about; empty for all',
    from_ms Int64 COMMENT 'Start of what was asked for, in milliseconds since 1970',
    to_ms Int64 COMMENT 'End of it, exclusive',
    value Nullable(Float64) COMMENT 'What the query said',
    low Nullable(Float64) COMMENT 'Lower end of the interval or band, where there is one',
    high Nullable(Float64) COMMENT 'Upper end of it',
    sentence String COMMENT 'The sentence that says it' CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY (report_id, fact_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What weekly updates said, number by number. Kept for ever';
