-- Measures with what came of them, joined by measure whichever event came first, and cohorts of them.

CREATE VIEW IF NOT EXISTS measure_outcomes AS
WITH
    taken AS (
        SELECT JSONExtractString(data, 'action_id') AS action_id,
               min((toUnixTimestamp64Milli(coalesce(
                        parseDateTime64BestEffortOrNull(JSONExtractString(data, 'informed_at'), 3, 'UTC'),
                        parseDateTime64BestEffortOrNull(JSONExtractString(data, 'decided_at'), 3, 'UTC'), event_time)),
                    JSONExtractString(data, 'policy_id'), JSONExtractString(data, 'market'), JSONExtractString(data, 'queue_id'),
                    trimBoth(concat(JSONExtractString(data, 'model_id'), ' ', JSONExtractString(data, 'model_version'))),
                    JSONExtractString(data, 'reviewer_type'), weight, JSONExtractString(data, 'shop_id'),
                    JSONExtractString(data, 'subject_id'), JSONExtractString(data, 'action_type'), JSONExtractString(data, 'rule_id'))) AS first
        FROM events
        WHERE type = 'enforcement.action' AND JSONExtractString(data, 'state') IN ('', 'ENFORCED')
        GROUP BY action_id
    ),
    back AS (
        SELECT action_id, min((at_ms, reason, decision_id)) AS first
        FROM (
            SELECT JSONExtractString(data, 'action_id') AS action_id, toUnixTimestamp64Milli(event_time) AS at_ms,
                   JSONExtractString(data, 'reason') AS reason, JSONExtractString(data, 'decision_id') AS decision_id
            FROM events
            WHERE type = 'enforcement.reversed'
            UNION ALL
            SELECT JSONExtractString(data, 'action_id'), toUnixTimestamp64Milli(event_time),
                   multiIf(JSONExtractBool(data, 'procedural'), 'PROCEDURAL',
                           JSONExtractString(data, 'channel') = 'ODS_BODY', 'OUT_OF_COURT', 'APPEAL_GRANTED'), ''
            FROM events
            WHERE type = 'appeal.lifecycle' AND JSONExtractString(data, 'outcome') = 'REVERSED'
              AND JSONExtractString(data, 'action_id') != '' AND JSONExtractRaw(data, 'implemented') != 'false'
        )
        GROUP BY action_id
    ),
    against AS (
        SELECT JSONExtractString(data, 'action_id') AS action_id,
               minIf(toUnixTimestamp64Milli(event_time), JSONExtractString(data, 'complainant') != 'REPORTER') AS appealed_ms,
               countIf(JSONExtractString(data, 'complainant') != 'REPORTER') AS appeals,
               minIf(toUnixTimestamp64Milli(event_time), JSONExtractString(data, 'outcome') IN ('UPHELD', 'REJECTED_LATE')) AS upheld_ms,
               countIf(JSONExtractString(data, 'outcome') IN ('UPHELD', 'REJECTED_LATE')) AS upheld
        FROM events
        WHERE type = 'appeal.lifecycle' AND JSONExtractString(data, 'action_id') != ''
        GROUP BY action_id
    )
SELECT taken.action_id AS action_id,
       fromUnixTimestamp64Milli(taken.first.1, 'UTC') AS informed_at,
       toInt32(intDiv(taken.first.1, 86400000)) AS informed_day,
       taken.first.2 AS policy,
       taken.first.3 AS market,
       taken.first.4 AS queue,
       taken.first.5 AS model,
       taken.first.6 AS automation,
       taken.first.7 AS weight,
       taken.first.8 AS shop_id,
       taken.first.9 AS subject_id,
       taken.first.10 AS action_type,
       taken.first.11 AS rule_id,
       if(against.appeals > 0, fromUnixTimestamp64Milli(against.appealed_ms, 'UTC'), NULL) AS appealed_at,
       if(against.upheld > 0 AND (back.action_id = '' OR against.upheld_ms < back.first.1),
          fromUnixTimestamp64Milli(against.upheld_ms, 'UTC'), NULL) AS upheld_at,
       if(back.action_id = '', NULL, fromUnixTimestamp64Milli(back.first.1, 'UTC')) AS reversed_at,
       multiIf(back.action_id = '', '',
               back.first.2 IN ('APPEAL_GRANTED', 'APPEAL_UPHELD'),
                   if(against.appeals > 0 AND against.appealed_ms <= back.first.1, 'appeal_granted', 'unexplained'),
               back.first.2 IN ('POLICY_ERROR', 'MODEL_ERROR'), 'proactive_correction',
               back.first.2 = 'BULK_ROLLBACK', 'bulk_rollback',
               back.first.2 = 'POLICY_CHANGE', 'policy_change',
               back.first.2 = 'EXPIRED_EARLY', 'expired_early',
               back.first.2 IN ('COURT_ORDER', 'OUT_OF_COURT'), 'court_or_out_of_court',
               back.first.2 = 'PROCEDURAL', 'procedural', 'unexplained') AS reversal,
       back.first.3 AS decision_id
FROM taken
LEFT JOIN back ON back.action_id = taken.action_id
LEFT JOIN against ON against.action_id = taken.action_id
COMMENT 'One row a measure, with its first appeal, the first decision that left it standing, and the first reversal with its one class';

CREATE VIEW IF NOT EXISTS misjudgement_cohorts AS
SELECT policy, market, queue, model, automation, informed_day,
       ended.1 AS outcome,
       assumeNotNull(ended.2) AS age,
       sum(weight) AS measures
FROM (
    SELECT policy, market, queue, model, automation, informed_day, weight,
           arrayJoin(arrayFilter(each -> each.2 IS NOT NULL, [
               ('measures', toNullable(toInt32(0))),
               ('appealed', if(appealed_at IS NULL, NULL, toInt32(greatest(0, intDiv(toUnixTimestamp64Milli(assumeNotNull(appealed_at)), 86400000) - informed_day)))),
               ('upheld', if(upheld_at IS NULL, NULL, toInt32(greatest(0, intDiv(toUnixTimestamp64Milli(assumeNotNull(upheld_at)), 86400000) - informed_day)))),
               (reversal, if(reversed_at IS NULL, NULL, toInt32(greatest(0, intDiv(toUnixTimestamp64Milli(assumeNotNull(reversed_at)), 86400000) - informed_day))))])) AS ended
    FROM measure_outcomes
)
GROUP BY policy, market, queue, model, automation, informed_day, outcome, age
COMMENT 'Measures by cell and the day on which people were informed, and what came of them by age in days: exact counts';
