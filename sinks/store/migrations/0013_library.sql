-- The case library: what was learned of closed cases, and what people did to patterns.

CREATE TABLE IF NOT EXISTS library_entries
(
    entry_id String COMMENT 'The case it was made of; of an imported one an id made of its number',
    version UInt64 COMMENT 'When it was put in, in milliseconds since 1970; the newest counts',
    source String COMMENT 'case, or the file and row that it was imported from',
    title String COMMENT 'What happened, in one line',
    summary String COMMENT 'The same in a few sentences, made of facts',
    kind LowCardinality(String) COMMENT 'Kind of its alerts',
    language LowCardinality(String) COMMENT 'Of title and rationale (BCP 47); empty where not known, as everywhere here',
    markets Array(String) COMMENT 'Where',
    market_group LowCardinality(String) COMMENT 'Group of these markets, several where there is more than one',
    subject_type LowCardinality(String) COMMENT 'What the measures hit',
    policy_clause LowCardinality(String) COMMENT 'Policy that was applied',
    policy_version LowCardinality(String) COMMENT 'Its version',
    action_type LowCardinality(String) COMMENT 'What was done',
    action_family LowCardinality(String) COMMENT 'Family of it: live, product, account, money, reach, points, warning',
    queue LowCardinality(String) COMMENT 'Review queue',
    model_version LowCardinality(String) COMMENT 'Model and version that decided',
    changes Array(String) COMMENT 'Platform changes beside its onset',
    cause LowCardinality(String) COMMENT 'Kind of cause that the evidence spoke for',
    resolution LowCardinality(String) COMMENT 'Why it was over',
    enforcement LowCardinality(String) COMMENT 'What that says of the measures: wrong, right or unknown',
    rejected UInt8 COMMENT '1: nothing was wrong after all; it is in no pattern',
    taxonomy LowCardinality(String) COMMENT 'Version of the families and groups; keys of two versions are not compared',
    pattern_key String COMMENT 'Policy, family, subject, cause and market group, behind the version of the taxonomy',
    pattern_id String COMMENT 'Pattern that it came into; patterns says what that one is now. Empty: none',
    measures Nullable(UInt64) COMMENT 'Measures that it was about; NULL where not known, as below',
    wrong_measures Nullable(UInt64) COMMENT 'Those of them that were taken back',
    shops Nullable(UInt64) COMMENT 'Merchants hit',
    gmv_minor Nullable(UInt64) COMMENT 'Sales that were lost, in minor units',
    viewer_minutes Nullable(UInt64) COMMENT 'Minutes that viewers did not watch',
    rationale String COMMENT 'Why it was decided so, in the words of who decided',
    precedent LowCardinality(String) COMMENT 'What it is worth for later ones: none, guiding or binding',
    started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it began',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was closed',
    added_by String COMMENT 'Who put it in',
    added_at DateTime64(3, 'UTC') COMMENT 'When',
    entry String COMMENT 'All of it as JSON, as livewarden library show --json has it' CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY entry_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'The case library: one row a closed case, its own or an imported one. Kept for ever';

CREATE TABLE IF NOT EXISTS patterns
(
    pattern_id String COMMENT 'The pattern; an id never comes to mean other cases than it did',
    version UInt32 COMMENT 'Counts what was done to it',
    name String COMMENT 'Name that people gave; empty: it is called by its key',
    merged_into String COMMENT 'Pattern that it is an alias of; empty: it is none',
    split_into Array(String) COMMENT 'The two patterns that it was split into; empty: it was not',
    taken Array(String) COMMENT 'Entries that went into the first of these; all others into the second',
    made_of String COMMENT 'Pattern that it was split off from; empty: it was founded by a key',
    by String COMMENT 'Who did the last of it',
    why String COMMENT 'Why, in words',
    at DateTime64(3, 'UTC') COMMENT 'When',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY pattern_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Patterns of the library that people named, merged or split. Kept for ever';
