-- Rows by the page instead of one by one (848 bytes a punch became 7 to 27), and the chain of
-- batches. event_moment and page_body are functions of edge_agent/spool/row_folding.py.

-- Rows that arrived together, of one device, in order of their own time. A page is read and written
-- as a whole, so a backlog costs some bytes a punch, and no index has an entry per row: which page
-- may hold an event is told by the times of its first and last row.
CREATE TABLE pages (
    first_arrival INTEGER PRIMARY KEY,          -- its rows are numbered from here, without a gap,
    last_arrival INTEGER NOT NULL,              --   in order of commit over all lanes
    lane INTEGER NOT NULL,
    device INTEGER,                             -- NULL: said by the gateway itself
    punches INTEGER NOT NULL,                   -- how many of the rows are punches
    first_time INTEGER NOT NULL,                -- the rows' own time, ms since 1970 as event ids
    last_time INTEGER NOT NULL,                 --   count it (device wall clock, counts UTC)
    received_at INTEGER NOT NULL,
    clock_offset_ms INTEGER,
    zone TEXT NOT NULL,
    flags TEXT NOT NULL,                        -- gateway's flags but one, separated by blanks
    suspect INTEGER NOT NULL,                   -- gateway_clock_suspect: 0 no, 1 yes and waiting
    boot INTEGER NOT NULL,                      --   for correction, 2 yes and sent like that
    monotonic_ms INTEGER NOT NULL,
    json_bytes INTEGER NOT NULL,                -- about what the rows take in a batch of JSON
    body BLOB NOT NULL                          -- edge_agent/spool/page_body.py
) STRICT;
CREATE INDEX pages_of_lane ON pages (lane, first_arrival);
CREATE INDEX pages_of_device ON pages (device, last_time, first_time);
CREATE INDEX pages_awaiting_correction ON pages (boot) WHERE suspect = 1;

-- Which page each row goes to: rows that follow each other and whose arrival was told in the same
-- words. A suspect row stays alone, because a page is corrected or was sent as a whole. 500 rows of
-- the longest event known, 2 kB, are about the most that a page may hold as JSON.
CREATE TABLE placed (
    run INTEGER NOT NULL,
    part INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    PRIMARY KEY (run, part, arrival)
) STRICT, WITHOUT ROWID;
INSERT INTO placed
    WITH told AS (
        SELECT arrival, event_id, event_moment(event_id) AS moment, suspect,
            json_array(lane, device, kind, received_at, clock_offset_ms, zone, flags, suspect, boot,
                monotonic_ms) AS words
        FROM events
    ), marked AS (
        SELECT *, suspect = 1 OR words IS NOT lag(words) OVER in_order
            OR arrival IS NOT lag(arrival) OVER in_order + 1
            OR moment < lag(moment) OVER in_order AS begins
        FROM told WINDOW in_order AS (ORDER BY arrival)
    ), runs AS (
        SELECT *, sum(begins) OVER (ORDER BY arrival) AS run FROM marked
    )
    SELECT run, (row_number() OVER (PARTITION BY run ORDER BY arrival) - 1) / 500, arrival, moment,
        event_id
    FROM runs;

INSERT INTO pages
    SELECT min(placed.arrival), max(placed.arrival), lane, device, sum(kind = 'punch'), min(moment),
        max(moment), received_at, clock_offset_ms, zone, flags, suspect, boot, monotonic_ms,
        sum(length(body)), page_body(placed.arrival, event_id, body)
    FROM placed JOIN events USING (event_id) GROUP BY run, part;

ALTER TABLE devices ADD COLUMN newest_time INTEGER;  -- of its stored events, as pages.last_time
UPDATE devices SET newest_time = (
    SELECT max(last_time) FROM pages WHERE pages.device = devices.device);

ALTER TABLE batches ADD COLUMN salt BLOB;       -- of the batch in flight: sent again as it was
UPDATE batches SET salt = randomblob(32) WHERE in_flight;
-- Rows of an export that were passed over as too old.
ALTER TABLE batches ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;

-- What each sink has answered; see edge_agent/spool/chain.py.
CREATE TABLE sent_batches (
    sink TEXT NOT NULL,
    number INTEGER NOT NULL,
    batch_hash BLOB NOT NULL,
    records INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    tally BLOB NOT NULL,
    PRIMARY KEY (sink, number)
) STRICT, WITHOUT ROWID;

ALTER TABLE dead_letters RENAME TO dead_letters_by_event;
CREATE TABLE dead_letters (
    sink TEXT NOT NULL,
    event_id BLOB NOT NULL,
    arrival INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (sink, event_id)
) STRICT, WITHOUT ROWID;
INSERT INTO dead_letters
    SELECT sink, event_id, arrival, code, detail, at
    FROM dead_letters_by_event JOIN events USING (event_id);

-- Batches were no chain before, so no core can go on behind them: it takes number 1 first. The core's
-- chain begins anew, with all that is here. What it has already, it answers as duplicate.
UPDATE batches SET number = 0, in_flight = 0, salt = NULL WHERE sink = 'core';
UPDATE sinks SET position = 0, batch_end = 0 WHERE sink = 'core';
DELETE FROM unsettled WHERE sink = 'core';
DELETE FROM dead_letters WHERE sink = 'core';
DELETE FROM sink_devices WHERE sink = 'core';

DROP VIEW observations;
DROP VIEW batch_members;
DROP VIEW suspects;
DROP TABLE dead_letters_by_event;
DROP TABLE placed;
DROP TABLE outbox;
DROP TABLE events;

-- Pages whose receipt time waits for the clock to be set. `timeline` is the wall time that their
-- clock gave to monotonic zero; `sent`: some sink has rows of them as they are.
CREATE VIEW suspects AS
    SELECT first_arrival, last_arrival - first_arrival + 1 AS rows, device, zone, received_at,
        boot_id, received_at - monotonic_ms * 1000 AS timeline,
        EXISTS (SELECT 1 FROM sinks WHERE sinks.lane = pages.lane
            AND max(sinks.position, sinks.batch_end) >= pages.first_arrival) AS sent
    FROM pages JOIN boots ON boots.boot = pages.boot WHERE suspect = 1;
