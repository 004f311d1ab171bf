-- What came again with another payload, and what came with more than its contract says.

ALTER TABLE events ADD COLUMN IF NOT EXISTS conflict UInt8 DEFAULT 0 COMMENT '1: a repetition (duplicate = 1) that says something else than the first of its event_id on this partition did; the first counts' AFTER duplicate;

ALTER TABLE events ADD COLUMN IF NOT EXISTS unknown_fields Array(String) COMMENT 'Fields of data that the contract did not know when it came, by name, 20 at most; kept, and read by no monitor' AFTER conflict;
