-- Marts: a star of facts and dimensions for BI tools. A key is never NULL: what is not known is the member 'unknown', of dates 1970-01-01.
-- Facts hold sums only, never a ratio. What can be added up stands in a column of its own.
-- A 1 is materialized: ClickHouse 26.9 counts a constant of a joined view wrong when the view is joined again.

CREATE VIEW IF NOT EXISTS fact_measure AS
SELECT action_id AS measure_key, if(toDate(informed_at) BETWEEN '2020-01-01' AND '2049-12-31', toDate(informed_at), toDate('1970-01-01')) AS date_key,
       if(market = '', 'unknown', market) AS market_key,
       if(policy = '', 'unknown', policy) AS policy_key,
       if(queue = '', 'unknown', queue) AS queue_key,
       if(model = '', 'unknown', model) AS model_key,
       if(shop_id = '', 'unknown', shop_id) AS shop_key, if(automation = '', 'unknown', automation) AS automation,
       CAST(weight AS UInt64) AS measures,
       CAST(if(isNull(appealed_at), 0, weight) AS UInt64) AS appealed,
       CAST(if(isNull(upheld_at), 0, weight) AS UInt64) AS upheld,
       CAST(if(reversal = 'appeal_granted', weight, 0) AS UInt64) AS appeals_granted,
       CAST(if(reversal = 'proactive_correction', weight, 0) AS UInt64) AS corrected,
       CAST(if(reversal NOT IN ('', 'appeal_granted', 'proactive_correction'), weight, 0) AS UInt64) AS reversed_otherwise
FROM measure_outcomes
COMMENT 'One row a measure, by the day on which people were informed: what became of it so far';

CREATE VIEW IF NOT EXISTS fact_reversal_cohort AS
SELECT if(toDate(informed_day) BETWEEN '2020-01-01' AND '2049-12-31', toDate(informed_day), toDate('1970-01-01')) AS date_key,
       if(market = '', 'unknown', market) AS market_key,
       if(policy = '', 'unknown', policy) AS policy_key,
       if(queue = '', 'unknown', queue) AS queue_key,
       if(model = '', 'unknown', model) AS model_key,
       if(automation = '', 'unknown', automation) AS automation, outcome, toInt32(age) AS age_days, CAST(measures AS UInt64) AS measures
FROM misjudgement_cohorts
COMMENT 'One row a day, cell, outcome and age in days: measures that had the outcome at that age. Cut age_days for any maturity';

CREATE VIEW IF NOT EXISTS fact_appeal AS
SELECT a.appeal_id AS appeal_key, if(toDate(a.submitted_at) BETWEEN '2020-01-01' AND '2049-12-31', toDate(a.submitted_at), toDate('1970-01-01')) AS date_key,
       if(m.market = '', 'unknown', m.market) AS market_key,
       if(m.policy = '', 'unknown', m.policy) AS policy_key,
       if(m.queue = '', 'unknown', m.queue) AS queue_key,
       if(m.model = '', 'unknown', m.model) AS model_key,
       if(m.shop_id = '', 'unknown', m.shop_id) AS shop_key, if(a.channel = '', 'unknown', a.channel) AS channel, if(a.complaint_type = '', 'unknown', a.complaint_type) AS complaint_type,
       CAST(materialize(1) AS UInt64) AS appeals, CAST(isNotNull(a.decided_at) AS UInt64) AS decided, CAST(a.waiting AS UInt64) AS waiting,
       CAST(a.outcome IN ('REVERSED', 'PARTLY_REVERSED') AS UInt64) AS granted, CAST(a.automated AS UInt64) AS automated,
       CAST(a.implausibly_fast AS UInt64) AS implausibly_fast, CAST(ifNull(a.seconds_to_decide, 0) AS Int64) AS seconds_to_decide
FROM complaint_watch AS a
LEFT JOIN measure_outcomes AS m ON m.action_id = a.action_id
COMMENT 'One row an appeal, by the day on which it was submitted';

CREATE VIEW IF NOT EXISTS fact_alert AS
SELECT a.alert_id AS alert_key, if(toDate(a.window_start) BETWEEN '2020-01-01' AND '2049-12-31', toDate(a.window_start), toDate('1970-01-01')) AS date_key,
       if(a.series['market'] = '', 'unknown', a.series['market']) AS market_key, if(a.series['policy_id'] = '', 'unknown', a.series['policy_id']) AS policy_key, if(a.monitor = '', 'unknown', a.monitor) AS monitor_key,
       a.kind AS kind, a.severity AS severity,
       CAST(materialize(1) AS UInt64) AS alerts, CAST(d.outcome = 'notified' AS UInt64) AS notified,
       CAST(isNotNull(a.suppressed_by) AS UInt64) AS kept_back_by_detection,
       CAST(f.verdict = 'true' AS UInt64) AS judged_true, CAST(f.verdict = 'expected' AS UInt64) AS judged_expected,
       CAST(f.verdict = 'false' AS UInt64) AS judged_false
FROM (SELECT alert_id, window_start, series, monitor, kind, severity, suppressed_by FROM alerts FINAL WHERE run = 'live') AS a
LEFT JOIN (SELECT alert_id, outcome FROM dispositions FINAL) AS d ON d.alert_id = a.alert_id
LEFT JOIN (SELECT alert_id, verdict FROM feedback FINAL) AS f ON f.alert_id = a.alert_id
COMMENT 'One row a live alert, by the day on which its window began';

CREATE VIEW IF NOT EXISTS fact_incident AS
SELECT incident_id AS incident_key, if(toDate(opened_at) BETWEEN '2020-01-01' AND '2049-12-31', toDate(opened_at), toDate('1970-01-01')) AS date_key,
       if(empty(monitors), 'unknown', monitors[1]) AS monitor_key, severity, status,
       CAST(materialize(1) AS UInt64) AS incidents, CAST(notified > 0 AS UInt64) AS with_notification, CAST(notified AS UInt64) AS notifications,
       CAST(isNotNull(acknowledged_at) AS UInt64) AS acknowledged, CAST(isNotNull(resolved_at) AS UInt64) AS resolved,
       CAST(ifNull(dateDiff('second', opened_at, acknowledged_at), 0) AS Int64) AS seconds_to_acknowledge,
       CAST(ifNull(dateDiff('second', opened_at, resolved_at), 0) AS Int64) AS seconds_to_resolve
FROM incidents FINAL
COMMENT 'One row an incident, by the day on which it was opened; of several monitors the first';

CREATE VIEW IF NOT EXISTS fact_case_transition AS
SELECT concat(case_id, '#', toString(number)) AS transition_key, if(toDate(at) BETWEEN '2020-01-01' AND '2049-12-31', toDate(at), toDate('1970-01-01')) AS date_key, case_id,
       if(what = '', 'unknown', what) AS what, if(from_state = '', 'unknown', from_state) AS from_state, if(to_state = '', 'unknown', to_state) AS to_state,
       if(JSONExtractString(details, 'resolution') = '', 'unknown', JSONExtractString(details, 'resolution')) AS resolution,
       CAST(materialize(1) AS UInt64) AS entries, CAST(from_state != to_state AS UInt64) AS transitions,
       CAST(what IN ('created') AS UInt64) AS cases_created, CAST(to_state != from_state AND to_state IN ('resolved', 'dismissed') AS UInt64) AS cases_ended
FROM case_history FINAL
COMMENT 'One row a line of a case''s history, by the day on which it was written';

CREATE VIEW IF NOT EXISTS fact_review AS
SELECT concat(r.topic, '/', toString(r.partition), '/', toString(r.offset)) AS review_key, if(toDate(r.event_time) BETWEEN '2020-01-01' AND '2049-12-31', toDate(r.event_time), toDate('1970-01-01')) AS date_key,
       if(m.market = '', 'unknown', m.market) AS market_key,
       if(m.policy = '', 'unknown', m.policy) AS policy_key,
       if(m.queue = '', 'unknown', m.queue) AS queue_key,
       if(m.model = '', 'unknown', m.model) AS model_key,
       if(r.sample = '', 'unknown', r.sample) AS sample, CAST(materialize(1) AS UInt64) AS reviews, CAST(r.verdict = 'RIGHT' AS UInt64) AS judged_right,
       CAST(r.verdict = 'WRONG' AS UInt64) AS judged_wrong, CAST(r.verdict = 'UNCLEAR' AS UInt64) AS judged_unclear, CAST(r.golden AS UInt64) AS golden
FROM (SELECT topic, partition, offset, event_time, JSONExtractString(data, 'action_id') AS action, JSONExtractString(data, 'sample_id') AS sample,
             JSONExtractString(data, 'verdict') AS verdict, JSONExtractBool(data, 'golden') AS golden
      FROM events FINAL WHERE type = 'review.audit' AND duplicate = 0) AS r
LEFT JOIN measure_outcomes AS m ON m.action_id = r.action
COMMENT 'One row a second look at a measure, by the day of it';

CREATE VIEW IF NOT EXISTS fact_ticket AS
SELECT t.ticket_id AS ticket_key, if(toDate(t.opened_at) BETWEEN '2020-01-01' AND '2049-12-31', toDate(t.opened_at), toDate('1970-01-01')) AS date_key, if(t.market = '', 'unknown', t.market) AS market_key,
       if(m.policy = '', 'unknown', m.policy) AS policy_key, if(m.queue = '', 'unknown', m.queue) AS queue_key, if(m.model = '', 'unknown', m.model) AS model_key,
       if(t.shop_id = '', 'unknown', t.shop_id) AS shop_key, if(t.theme_id = '', 'unknown', t.theme_id) AS theme, if(t.language = '', 'unknown', t.language) AS language,
       CAST(materialize(1) AS UInt64) AS tickets, CAST(isNotNull(t.answered_at) AS UInt64) AS answered,
       CAST(ifNull(dateDiff('second', t.opened_at, t.answered_at), 0) AS Int64) AS seconds_to_answer
FROM (SELECT ticket_id, opened_at, market, shop_id, theme_id, language, answered_at, action_id FROM feedback_tickets FINAL) AS t
LEFT JOIN measure_outcomes AS m ON m.action_id = t.action_id
COMMENT 'One row a ticket of a merchant that was imported, by the day on which it was opened';

CREATE VIEW IF NOT EXISTS dim_date AS
SELECT if(number = 0, toDate('1970-01-01'), toDate('2019-12-31') + number) AS date_key,
       if(number = 0, 'unknown', toString(date_key)) AS day, toISOYear(date_key) AS iso_year,
       toISOWeek(date_key) AS iso_week, toYear(date_key) AS year, toQuarter(date_key) AS quarter, toMonth(date_key) AS month,
       toDayOfWeek(date_key) AS weekday, toUInt8(weekday >= 6) AS weekend
FROM numbers(10959)
COMMENT 'Days from 2020 to 2049, UTC, and 1970-01-01 for any other and for none';

CREATE VIEW IF NOT EXISTS dim_market AS
SELECT DISTINCT market_key
FROM (SELECT market_key FROM fact_measure UNION ALL
      SELECT market_key FROM fact_alert UNION ALL
      SELECT market_key FROM fact_ticket UNION ALL
      SELECT 'unknown')
COMMENT 'Markets, and unknown';

CREATE VIEW IF NOT EXISTS dim_policy AS
SELECT DISTINCT policy_key
FROM (SELECT policy_key FROM fact_measure UNION ALL
      SELECT policy_key FROM fact_alert UNION ALL
      SELECT 'unknown')
COMMENT 'Policies, and unknown';

CREATE VIEW IF NOT EXISTS dim_queue AS
SELECT DISTINCT queue_key
FROM (SELECT queue_key FROM fact_measure UNION ALL
      SELECT 'unknown')
COMMENT 'Review queues, and unknown';

CREATE VIEW IF NOT EXISTS dim_model AS
SELECT DISTINCT model_key
FROM (SELECT model_key FROM fact_measure UNION ALL
      SELECT 'unknown')
COMMENT 'Models with their versions, and unknown';

CREATE VIEW IF NOT EXISTS dim_shop AS
SELECT DISTINCT shop_key
FROM (SELECT shop_key FROM fact_measure UNION ALL
      SELECT shop_key FROM fact_ticket UNION ALL
      SELECT 'unknown')
COMMENT 'Shops by their opaque ids, and unknown';

CREATE VIEW IF NOT EXISTS dim_monitor AS
SELECT DISTINCT monitor_key
FROM (SELECT monitor_key FROM fact_alert UNION ALL
      SELECT monitor_key FROM fact_incident UNION ALL
      SELECT 'unknown')
COMMENT 'Monitors, and unknown';
