-- Playbooks and FAQ entries that were published, and recommendations with what became of them.

CREATE TABLE IF NOT EXISTS articles
(
    article_id String COMMENT 'Name of the article',
    version UInt32 COMMENT 'Its version; a text never changes under one',
    kind LowCardinality(String) COMMENT 'playbook or faq',
    title String COMMENT 'Its title',
    owner String COMMENT 'Whose it is',
    applies_to Array(String) COMMENT 'Monitors, kinds or patterns that it is for',
    policy String COMMENT 'Policy that it rests on, name@version; empty: none',
    review DateTime64(3, 'UTC') COMMENT 'Day on which it is to be looked at again',
    body String COMMENT 'Its text, Markdown' CODEC(ZSTD(3)),
    published_by String COMMENT 'Who published it',
    published_at DateTime64(3, 'UTC') COMMENT 'When',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY (article_id, version)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Playbooks and FAQ entries, every version. Kept for ever';

CREATE TABLE IF NOT EXISTS recommendations
(
    recommendation_id String COMMENT 'The recommendation',
    version UInt32 COMMENT 'Counts what was done to it',
    pattern_id String COMMENT 'Pattern of the library that it is for',
    advice String COMMENT 'Which one of the bank it is',
    team LowCardinality(String) COMMENT 'Whose it is: policy, moderation, product or algorithm',
    text String COMMENT 'What is recommended',
    status LowCardinality(String) COMMENT 'proposed, accepted, rejected, done or measured',
    done_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was done; NULL where it was not',
    factor Nullable(Float64) COMMENT 'Rate of wrong measures after over before, against control cells; NULL where not measured',
    low Nullable(Float64) COMMENT 'Lower end of its 95 % interval',
    high Nullable(Float64) COMMENT 'Upper end of it',
    measured_on String COMMENT 'What was compared, in words',
    by String COMMENT 'Who did the last of it',
    why String COMMENT 'Why, in words',
    at DateTime64(3, 'UTC') COMMENT 'When',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY recommendation_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Recommendations for patterns: owner team, status, and the measured effect. Kept for ever';
