-- Times are integer microseconds since 1970-01-01 UTC, unless said. WITHOUT ROWID: one B-tree per
-- table, so one page is written where a rowid table with its key's index would write two.

CREATE TABLE lanes (lane INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO lanes VALUES
    (1, 'punch-live'), (2, 'punch-backlog'), (3, 'count-live'), (4, 'count-backlog'),
    (5, 'telemetry');

CREATE TABLE boots (
    boot INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL UNIQUE,
    first_opened_at INTEGER NOT NULL
) STRICT;

-- One row per device: cursor and counters share a page, so a commit writes one page for both.
-- received = stored + known + quarantined + quarantined_again, always;
-- stored = rows in its pages + deleted + thinned.
CREATE TABLE devices (
    device INTEGER PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    cursor BLOB,
    on_device INTEGER,                          -- the device's own count at the last whole read
    log_rows INTEGER,                           -- rows that this read yielded
    received INTEGER NOT NULL DEFAULT 0,        -- rows handed over by the driver, ever
    stored INTEGER NOT NULL DEFAULT 0,          -- of these: new events
    known INTEGER NOT NULL DEFAULT 0,           --           events that were here already
    quarantined INTEGER NOT NULL DEFAULT 0,     --           undecodable, first sight
    quarantined_again INTEGER NOT NULL DEFAULT 0,
    last_fetch_at INTEGER,
    last_trusted_at INTEGER,                    -- latest receipt while the gateway's clock was sure
    newest_time INTEGER,                        -- of its stored events, as pages.last_time
    deleted INTEGER NOT NULL DEFAULT 0,         -- stored rows that went by age, or for room
    thinned INTEGER NOT NULL DEFAULT 0          -- counter readings that went for room, unsent
) STRICT;

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
-- With last_arrival, so that a backlog is counted without reading the pages.
CREATE INDEX pages_of_lane ON pages (lane, first_arrival, last_arrival);
CREATE INDEX pages_of_device ON pages (device, last_time, first_time);
CREATE INDEX pages_awaiting_correction ON pages (boot) WHERE suspect = 1;

-- Everything up to `position` is settled, but for the holes in `unsettled`.
-- (position, batch_end] is in the batch in flight.
CREATE TABLE sinks (
    sink TEXT NOT NULL,
    lane INTEGER NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    batch_end INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    sink TEXT PRIMARY KEY,
    number INTEGER NOT NULL DEFAULT 0,          -- of the batch in flight, else of the last one
    in_flight INTEGER NOT NULL DEFAULT 0,
    salt BLOB,                                  -- of the batch in flight: sent again as it was
    adopt INTEGER NOT NULL DEFAULT 0            -- 1: the chain was lost, take the sink's head
) STRICT, WITHOUT ROWID;

-- What each sink has answered; see edge_agent/spool/chain.py.
CREATE TABLE sent_batches (
    sink TEXT NOT NULL,
    number INTEGER NOT NULL,
    batch_hash BLOB NOT NULL,
    records INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    kept INTEGER NOT NULL,                      -- how many arrivals tally.kept names
    tally BLOB NOT NULL,
    PRIMARY KEY (sink, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_with_kept ON sent_batches (sink, number) WHERE kept;

-- How long this spool has lived, which no jump of the clock changes (edge_agent/spool/lifetime.py).
CREATE TABLE lifetime (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    lived_s INTEGER NOT NULL,
    looked_at INTEGER NOT NULL
) STRICT;

-- At the first look of each day of that life: the last batch that the sink had answered.
-- Sink '': the last row in quarantine.
CREATE TABLE days (
    sink TEXT NOT NULL,
    day INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (sink, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE unsettled (
    sink TEXT NOT NULL,
    lane INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    in_batch INTEGER NOT NULL,                  -- 1: in the batch in flight
    code TEXT,
    PRIMARY KEY (sink, lane, arrival)
) STRICT, WITHOUT ROWID;

CREATE TABLE sink_devices (
    sink TEXT NOT NULL,
    device INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    sink TEXT NOT NULL,
    event_id BLOB NOT NULL,
    arrival INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (sink, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    source TEXT NOT NULL,
    offset INTEGER NOT NULL,
    digest BLOB NOT NULL,                       -- of raw: the same row pulled again is the same row
    reason TEXT NOT NULL,
    raw BLOB NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    UNIQUE (source, offset, digest)
) STRICT;

-- Pages whose receipt time waits for the clock to be set. `timeline` is the wall time that their
-- clock gave to monotonic zero; `sent`: some sink has rows of them as they are.
CREATE VIEW suspects AS
    SELECT first_arrival, last_arrival - first_arrival + 1 AS rows, device, zone, received_at,
        boot_id, received_at - monotonic_ms * 1000 AS timeline,
        EXISTS (SELECT 1 FROM sinks WHERE sinks.lane = pages.lane
            AND max(sinks.position, sinks.batch_end) >= pages.first_arrival) AS sent
    FROM pages JOIN boots ON boots.boot = pages.boot WHERE suspect = 1;
