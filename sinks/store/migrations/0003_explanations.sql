-- What explains each alert, taken out of its JSON.

CREATE VIEW IF NOT EXISTS alert_explanations AS
SELECT run, alert_id, case_id, monitor, kind, direction, severity, status, series, window_start, window_end, ends_at,
       JSONExtractString(assumeNotNull(explanation), 'text') AS summary,
       parseDateTime64BestEffortOrNull(JSONExtractString(assumeNotNull(explanation), 'onset'), 3, 'UTC') AS began_at,
       JSONExtractString(assumeNotNull(explanation), 'verdict', 'verdict') AS verdict,
       JSONExtractString(assumeNotNull(explanation), 'verdict', 'strength') AS strength,
       JSONExtract(assumeNotNull(explanation), 'verdict', 'for', 'Array(String)') AS speaks_for,
       JSONExtract(assumeNotNull(explanation), 'verdict', 'against', 'Array(String)') AS speaks_against,
       JSONExtract(assumeNotNull(explanation), 'slices', 'causes', 1, 'slice', 'Map(String, String)') AS slice,
       JSONExtract(assumeNotNull(explanation), 'slices', 'causes', 1, 'share', 'Nullable(Float64)') AS share,
       JSONExtract(assumeNotNull(explanation), 'slices', 'causes', 1, 'without', 'Nullable(Float64)') AS gone_without_it,
       JSONExtract(assumeNotNull(explanation), 'exposure', 'relative', 'Nullable(Float64)') AS exposure_against_usual,
       JSONExtract(assumeNotNull(explanation), 'changes', 1, 'change_id', 'Nullable(String)') AS change_id
FROM alerts FINAL
WHERE explanation IS NOT NULL
COMMENT 'Each explained alert of every run: verdict, what speaks for and against it, the slice that carries it, the change next to it';
