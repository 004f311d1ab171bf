-- How the deadline of a case came about, and the template that it was opened from.

ALTER TABLE cases ADD COLUMN IF NOT EXISTS clock String COMMENT 'How its deadline was computed, as JSON: calendar, hours, business time promised, used and paused; empty where it has no clock' CODEC(ZSTD(3));

ALTER TABLE cases ADD COLUMN IF NOT EXISTS template LowCardinality(String) COMMENT 'Template that its tasks, questions and evidence came from; empty: none';
