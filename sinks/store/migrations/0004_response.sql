-- What became of alerts: incidents, who was notified and who was not and why, silences, cases as people work on them, every action.
-- All of it is written by the response stage, the one reader of the topic livewarden.response, in the order of that log.

CREATE TABLE IF NOT EXISTS incidents
(
    incident_id String COMMENT 'Derived from its first alert',
    version UInt32 COMMENT 'Counts the times it changed; the highest one is the truth',
    status LowCardinality(String) COMMENT 'firing, acknowledged or resolved',
    title String COMMENT 'What happened, in one line',
    severity LowCardinality(String) COMMENT 'Highest severity of its alerts that were not muted',
    lead_alert_id String COMMENT 'The alert that it is notified with: the worst of the widest',
    alert_count UInt32 COMMENT 'Alerts in it, muted ones too',
    firing_count UInt32 COMMENT 'Alerts in it that still fire',
    monitors Array(String) COMMENT 'Monitors of its alerts',
    case_ids Array(String) COMMENT 'Cases of its alerts',
    change_id Nullable(String) COMMENT 'Platform change that its alerts share, NULL where none is known',
    owner String COMMENT 'Team that its monitors name',
    started_at DateTime64(3, 'UTC') COMMENT 'Event time of its first alert''s bucket',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which its last alert was over; NULL while one fires',
    opened_at DateTime64(3, 'UTC') COMMENT 'When it was raised, by the clock',
    notified_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody was first notified, by the clock; NULL where nobody was',
    notified UInt32 COMMENT 'How many times somebody was notified of it',
    acknowledged_by Nullable(String) COMMENT 'Who has it; NULL where nobody has',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when, by the clock',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was over, by the clock',
    resolved_by Nullable(String) COMMENT 'Who ended it by hand; NULL where its alerts ended',
    note String COMMENT 'Why nobody was notified, or what was remarked (a planned campaign, say); else empty',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY incident_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Alerts that somebody should see as one thing, in the newest version. Kept for ever';

CREATE TABLE IF NOT EXISTS dispositions
(
    alert_id String COMMENT 'The alert',
    version UInt32 COMMENT 'Counts the times its disposition changed; the highest one is the truth',
    incident_id String COMMENT 'Incident it belongs to; empty where detection itself kept it back',
    monitor LowCardinality(String) COMMENT 'Monitor that raised it',
    severity LowCardinality(String) COMMENT 'Its severity',
    outcome LowCardinality(String) COMMENT 'notified, waiting, grouped, inhibited, silenced, maintenance, quiet_hours, stale, suppressed or no_route',
    by String COMMENT 'Id of what kept it back: the leading alert, the parent alert, the silence, the route; empty where it was notified',
    reason String COMMENT 'The same in a sentence',
    at DateTime64(3, 'UTC') COMMENT 'When it was decided, by the clock',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY alert_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What became of each live alert: notified, or kept back and by what. Kept for ever';

CREATE TABLE IF NOT EXISTS silences
(
    silence_id String COMMENT 'Given by who made it',
    version UInt32 COMMENT 'Counts the times it changed; the highest one is the truth',
    kind LowCardinality(String) COMMENT 'silence, maintenance or campaign',
    effect LowCardinality(String) COMMENT 'mute (nobody is notified) or annotate (notified with the remark)',
    matchers Array(String) COMMENT 'Conditions that an alert must meet, all of them, such as market=DE',
    owner String COMMENT 'Who answers for it',
    reason String COMMENT 'Why, in words',
    created_by String COMMENT 'Who made it',
    created_at DateTime64(3, 'UTC') COMMENT 'When, by the clock',
    starts_at DateTime64(3, 'UTC') COMMENT 'From when it holds, by the clock',
    ends_at DateTime64(3, 'UTC') COMMENT 'Until when it holds, by the clock',
    ended_by Nullable(String) COMMENT 'Who ended it early; NULL where nobody did',
    reminded UInt8 COMMENT '1: its owner was reminded of its end',
    hits UInt64 COMMENT 'Alerts that it matched',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY silence_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Silences, maintenance windows and planned campaigns, in the newest version. Kept for ever';

CREATE TABLE IF NOT EXISTS notifications
(
    notification_id String COMMENT 'Derived from the incident, the number of the notification and the channel',
    version UInt32 COMMENT 'Counts the times it changed; the highest one is the truth',
    incident_id String COMMENT 'Incident that it tells of; empty where it is about a silence, a case or a channel',
    number UInt32 COMMENT 'Which notification of the incident, from 1',
    cause LowCardinality(String) COMMENT 'new, worse, wider (a further critical metric), resolved, escalation, reminder, overdue or channel_down',
    route String COMMENT 'Route that chose the channel',
    channel LowCardinality(String) COMMENT 'Name of the channel; its address is never stored',
    state LowCardinality(String) COMMENT 'pending, claimed, sent or given_up',
    attempts UInt32 COMMENT 'How many times it was tried',
    error String COMMENT 'What the last failed try said',
    title String COMMENT 'Its title as sent',
    body String COMMENT 'Its text as sent' CODEC(ZSTD(3)),
    created_at DateTime64(3, 'UTC') COMMENT 'When it was decided on, by the clock',
    due_at DateTime64(3, 'UTC') COMMENT 'When it is tried next, by the clock',
    sent_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the channel took it; NULL before',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY notification_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'The outbox: every notification, in the newest version. Kept for ever';

CREATE TABLE IF NOT EXISTS channels
(
    channel LowCardinality(String) COMMENT 'Name of the channel',
    version UInt32 COMMENT 'Counts the times it changed; the highest one is the truth',
    state LowCardinality(String) COMMENT 'up, or down since it last failed',
    since DateTime64(3, 'UTC') COMMENT 'Since when it is so, by the clock',
    failures UInt32 COMMENT 'Failed tries in a row',
    error String COMMENT 'What the last failed try said',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY channel
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Whether the channels take notifications. Kept for ever';

CREATE TABLE IF NOT EXISTS cases
(
    case_id String COMMENT 'Id of the candidate it grew from, or given by who opened it',
    version UInt32 COMMENT 'Counts the times it changed; the highest one is the truth. An action may name the version it saw',
    title String COMMENT 'What happened, in one line',
    state LowCardinality(String) COMMENT 'candidate, triage, open, escalated, resolved, closed, dismissed or merged',
    kind LowCardinality(String) COMMENT 'Kind of its alerts, MIXED where they differ; MANUAL where it was opened by hand',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    owner Nullable(String) COMMENT 'Who works on it; NULL where nobody does',
    escalated_to Nullable(String) COMMENT 'To whom it was last escalated',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the next step is due by the service level, or by who assigned it',
    overdue UInt8 COMMENT '1: due_at has passed and the step was not taken',
    resolution LowCardinality(String) COMMENT 'Why it is over, one of the defined resolutions; empty before',
    reason String COMMENT 'The same in the words of who resolved, dismissed or merged it',
    merged_into Nullable(String) COMMENT 'The case that took it over',
    reopened UInt32 COMMENT 'How many times it came back',
    alert_ids Array(String) COMMENT 'Its alerts',
    firing_count UInt32 COMMENT 'Of these, how many still fire',
    monitors Array(String) COMMENT 'Their monitors',
    open_tasks UInt32 COMMENT 'Tasks that are not done',
    tasks String COMMENT 'Tasks as JSON: id, text, owner, due_at, done_by, done_at',
    links String COMMENT 'Links as JSON: kind, ref, by, at',
    evidence String COMMENT 'Evidence packages as JSON: name, digest, size, by, at',
    started_at DateTime64(3, 'UTC') COMMENT 'Event time of its first alert',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which its last alert was over; NULL while one fires',
    created_at DateTime64(3, 'UTC') COMMENT 'When it came up, by the clock',
    opened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody first took it up (triage, open or escalated)',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was last resolved or dismissed',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was last closed',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY case_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Cases as people work on them, in the newest version. Evidence of a candidate is in case_candidates. Kept for ever';

CREATE TABLE IF NOT EXISTS case_history
(
    case_id String COMMENT 'The case',
    number UInt32 COMMENT 'Position in its history, from 1; nothing is ever changed or removed',
    at DateTime64(3, 'UTC') COMMENT 'When, by the clock',
    who String COMMENT 'Who; livewarden where nobody did',
    what LowCardinality(String) COMMENT 'created, recurred, ended, moved, assigned, noted, task_added, task_done, linked, evidence_added, merged, overdue or reopened',
    from_state LowCardinality(String) COMMENT 'State before',
    to_state LowCardinality(String) COMMENT 'State after',
    why String COMMENT 'The reason given, or what happened, in words',
    details String COMMENT 'Further fields of what was done, as JSON',
    action_id String COMMENT 'The action that did it; empty where livewarden did',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY (case_id, number)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Everything that ever happened to a case, in order. Kept for ever';

CREATE TABLE IF NOT EXISTS actions
(
    action_id String COMMENT 'Given by who sent it',
    at DateTime64(3, 'UTC') COMMENT 'When it was read, by the clock of the log',
    asked_at DateTime64(3, 'UTC') COMMENT 'When it was asked for, by the clock of who asked',
    who String COMMENT 'Who asked',
    role LowCardinality(String) COMMENT 'As what: operator or admin',
    do LowCardinality(String) COMMENT 'What was asked for, such as acknowledge or move_case',
    target String COMMENT 'Id of the incident, alert, silence or case',
    outcome LowCardinality(String) COMMENT 'accepted or refused',
    answer String COMMENT 'What was done, or why not, in a sentence',
    data String COMMENT 'The action as JSON, as it came' CODEC(ZSTD(3)),
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY action_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'The audit: everything that anybody asked for, refused requests too. Kept for ever';

CREATE TABLE IF NOT EXISTS feedback
(
    alert_id String COMMENT 'The alert',
    version UInt32 COMMENT 'Counts the times it was judged; the highest one is the truth',
    monitor LowCardinality(String) COMMENT 'Monitor that raised it; empty where the alert is so old that it was not remembered',
    verdict LowCardinality(String) COMMENT 'true, expected (real, and no reason to call anybody) or false',
    cause String COMMENT 'What caused it, in a word or two',
    why String COMMENT 'The reason given',
    who String COMMENT 'Who judged',
    at DateTime64(3, 'UTC') COMMENT 'When, by the clock',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY alert_id
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What alerts were worth, in the words of who answered them. Kept for ever';

CREATE VIEW IF NOT EXISTS incidents_now AS
SELECT incident_id, status, severity, title, lead_alert_id, alert_count, firing_count, monitors, case_ids, change_id, owner, started_at,
       opened_at, notified_at, notified, acknowledged_by, acknowledged_at, note, version
FROM incidents FINAL
WHERE status != 'resolved'
COMMENT 'Incidents that are not over, whether somebody has them or not';

CREATE VIEW IF NOT EXISTS incidents_history AS
SELECT incident_id, status, severity, title, lead_alert_id, alert_count, firing_count, monitors, case_ids, change_id, owner, started_at,
       ended_at, opened_at, notified_at, notified, acknowledged_by, acknowledged_at, resolved_at, resolved_by, note, version,
       dateDiff('second', opened_at, acknowledged_at) AS seconds_to_acknowledge,
       dateDiff('second', opened_at, resolved_at) AS seconds_to_resolve
FROM incidents FINAL
COMMENT 'Every incident in its newest version, with how long it took to be acknowledged and to be over';

CREATE VIEW IF NOT EXISTS why_not_paged AS
SELECT d.at AS at, d.alert_id AS alert_id, d.incident_id AS incident_id, d.monitor AS monitor, d.severity AS severity,
       d.outcome AS outcome, d.by AS by, d.reason AS reason, a.series AS series, a.window_start AS window_start, a.observed AS observed,
       a.expected AS expected
FROM (SELECT * FROM dispositions FINAL) AS d
LEFT JOIN (SELECT alert_id, series, window_start, observed, expected FROM alerts FINAL WHERE run = 'live') AS a ON a.alert_id = d.alert_id
WHERE d.outcome != 'notified'
COMMENT 'Why was I not paged: every live alert that nobody was notified of by itself, with what kept it back';

CREATE VIEW IF NOT EXISTS case_tracker AS
SELECT case_id, title, state, kind, severity, owner, escalated_to, due_at, overdue, resolution, reason, merged_into, reopened,
       length(alert_ids) AS alert_count, firing_count, monitors, open_tasks, started_at, ended_at, created_at, opened_at, resolved_at,
       closed_at, version
FROM cases FINAL
COMMENT 'Every case as it stands: state, owner, due date, whether it is overdue, and how it ended';

CREATE VIEW IF NOT EXISTS precision_by_monitor AS
SELECT if(f.monitor = '', a.monitor, f.monitor) AS monitor, countIf(f.verdict = 'true') AS true_alerts,
       countIf(f.verdict = 'expected') AS expected_alerts, countIf(f.verdict = 'false') AS false_alerts, count() AS judged,
       round(true_alerts / judged, 3) AS precision
FROM (SELECT * FROM feedback FINAL) AS f
LEFT JOIN (SELECT alert_id, monitor FROM alerts FINAL WHERE run = 'live') AS a ON a.alert_id = f.alert_id
GROUP BY monitor
COMMENT 'How many of the alerts that somebody judged were worth it, by monitor';
