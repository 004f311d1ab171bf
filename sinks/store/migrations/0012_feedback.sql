-- What merchants write, scrubbed before it came here, and the themes that it is sorted into.

CREATE TABLE IF NOT EXISTS feedback_tickets
(
    ticket_id String COMMENT 'The ticket, as the help desk names it',
    version UInt64 COMMENT 'When it was imported or sorted, in milliseconds since 1970; the newest counts',
    shop_id String COMMENT 'The shop that wrote; opaque',
    market LowCardinality(String) COMMENT 'Market of the shop; empty where not known',
    opened_at DateTime64(3, 'UTC') COMMENT 'When it was opened',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was answered; NULL where it was not, or that is not known',
    language LowCardinality(String) COMMENT 'Language it is written in; empty where not known',
    action_id String COMMENT 'Measure that it names; empty where it names none',
    theme_id LowCardinality(String) COMMENT 'Theme that it was sorted into; empty where none fits',
    similarity Float64 COMMENT 'How alike it is to that theme, from 0 to 1',
    text String COMMENT 'The text, with what names a person or a shop taken out before it was stored' CODEC(ZSTD(3)),
    minhash Array(UInt32) COMMENT 'MinHash values of its character 4-grams: equal ones, similar texts',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; the retention counts from here'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY ticket_id
TTL stored_at + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Tickets of merchants as they were imported, scrubbed. Kept 400 days after they were stored';

CREATE TABLE IF NOT EXISTS feedback_themes
(
    theme_id String COMMENT 'Of a theme that was proposed; it never changes its meaning',
    version UInt64 COMMENT 'When it was proposed or named, in milliseconds since 1970; the newest counts',
    name String COMMENT 'What people call it; empty while it is only proposed',
    exemplars Array(String) COMMENT 'Scrubbed texts that it is known by; they never change',
    who String COMMENT 'Who named it; empty while it is only proposed',
    at DateTime64(3, 'UTC') COMMENT 'When it was proposed or named, by the clock',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY theme_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Themes beyond the seeded ones: proposed from tickets that no theme fitted, named by people. Kept for ever';
