-- How complete each device's records are, and what people decided about records that wait for one.

ALTER TABLE devices ADD COLUMN ends TEXT;       -- JSON: by lane, the last arrival of this device
ALTER TABLE devices ADD COLUMN lowest INTEGER;  -- own time of the earliest row since the newest mark
ALTER TABLE devices ADD COLUMN unproven TEXT;   -- why the last whole read made no mark
UPDATE devices SET ends = (
    SELECT json_group_object(lane, last) FROM (
        SELECT lane, max(last_arrival) AS last FROM pages
        WHERE pages.device = devices.device GROUP BY lane));

-- Whole reads of a log: what the device had recorded until `until` arrived within `ends`.
-- See edge_agent/spool/completeness.py.
CREATE TABLE read_marks (
    device INTEGER NOT NULL,
    mark INTEGER NOT NULL,                      -- 1, 2, … of this device
    until INTEGER NOT NULL,
    ends TEXT NOT NULL,
    lowest INTEGER,                             -- of the rows between the mark before and this one
    offset_ms INTEGER NOT NULL,                 -- how far the device's clock was off
    PRIMARY KEY (device, mark)
) STRICT, WITHOUT ROWID;

-- What may have been lost unseen, or has no time that can be believed: nothing later than `until`
-- (NULL: nothing at all) is complete until a person has looked.
CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    code TEXT NOT NULL,
    until INTEGER,
    found_at INTEGER NOT NULL,
    what TEXT NOT NULL,
    released_by INTEGER                         -- of acts
) STRICT;
CREATE INDEX standing_holds ON holds (device) WHERE released_by IS NULL;

-- What a sink was last told of a device.
CREATE TABLE published (
    sink TEXT NOT NULL,
    device INTEGER NOT NULL,
    at INTEGER NOT NULL,
    watermark BLOB NOT NULL,                    -- JSON of protocols.uplink.Watermark
    PRIMARY KEY (sink, device)
) STRICT, WITHOUT ROWID;
ALTER TABLE batches ADD COLUMN watermarks BLOB; -- of the batch in flight: sent again as they were

-- `until`: the row lets nothing later than this be complete; NULL: nothing at all.
ALTER TABLE unsettled ADD COLUMN device INTEGER;
ALTER TABLE unsettled ADD COLUMN until INTEGER;
ALTER TABLE dead_letters ADD COLUMN device INTEGER;
ALTER TABLE dead_letters ADD COLUMN until INTEGER;
ALTER TABLE quarantine ADD COLUMN until INTEGER;
ALTER TABLE quarantine ADD COLUMN settled_by INTEGER;  -- of acts; NULL: it waits for a person
UPDATE unsettled SET device = (
    SELECT device FROM pages WHERE first_arrival <= arrival ORDER BY first_arrival DESC LIMIT 1);
UPDATE dead_letters SET device = (
    SELECT device FROM pages WHERE first_arrival <= arrival ORDER BY first_arrival DESC LIMIT 1);

-- What people decided, in the order in which they did. Kept for ever. Other processes write here
-- while the agent runs; it takes up what is `waiting` with its next batch.
CREATE TABLE acts (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,                         -- edge_agent/spool/acts.py
    sink TEXT,
    serial TEXT,
    subject TEXT NOT NULL,                      -- event id in hex, row of quarantine, or serial
    reason TEXT,
    payload BLOB,
    waiting INTEGER NOT NULL
) STRICT;
CREATE INDEX acts_of_subject ON acts (subject);
CREATE INDEX waiting_acts ON acts (id) WHERE waiting;

-- Records that a sink refused and a person gave up: whole, because their pages go by age.
CREATE TABLE discarded (
    sink TEXT NOT NULL,
    event_id BLOB NOT NULL,
    code TEXT NOT NULL,
    detail TEXT,
    refused_at INTEGER NOT NULL,
    observation BLOB NOT NULL,                  -- JSON of protocols.uplink.Observation
    act INTEGER NOT NULL,
    PRIMARY KEY (sink, event_id)
) STRICT, WITHOUT ROWID;
