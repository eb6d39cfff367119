-- Times are integer microseconds since 1970-01-01 UTC. WITHOUT ROWID: one B-tree per table, so one
-- page is written where a rowid table with its key's index would write two.

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
-- received = stored + known + quarantined + quarantined_again, always.
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
    last_trusted_at INTEGER                     -- latest receipt while the gateway's clock was sure
) STRICT;

CREATE TABLE events (
    event_id BLOB PRIMARY KEY,                  -- protocols.identity: device time leads
    arrival INTEGER NOT NULL,                   -- order of commit over all lanes
    lane INTEGER NOT NULL,
    device INTEGER,                             -- NULL: said by the gateway itself
    kind TEXT NOT NULL,
    body BLOB NOT NULL,                         -- the record as JSON
    received_at INTEGER NOT NULL,
    clock_offset_ms INTEGER,
    zone TEXT NOT NULL,
    flags TEXT NOT NULL,                        -- gateway's flags but one, separated by blanks
    suspect INTEGER NOT NULL,                   -- gateway_clock_suspect: 0 no, 1 yes and waiting
    boot INTEGER NOT NULL,                      --   for correction, 2 yes and sent like that
    monotonic_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX events_awaiting_correction ON events (boot) WHERE suspect = 1;

-- The order in which sinks drain. Append-only: (position, batch_end] of a lane is always the same
-- set of rows, which is how a batch is repeated exactly.
CREATE TABLE outbox (
    lane INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    PRIMARY KEY (lane, arrival)
) STRICT, WITHOUT ROWID;

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
    in_flight INTEGER NOT NULL DEFAULT 0
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

-- What a sink is told about an event.
CREATE VIEW observations AS
    SELECT event_id, body, received_at, clock_offset_ms, zone, flags, suspect FROM events;

-- The batch in flight of each sink.
CREATE VIEW batch_members AS
    SELECT sinks.sink, outbox.lane, outbox.arrival, outbox.event_id, 0 AS attempts
    FROM sinks JOIN outbox ON outbox.lane = sinks.lane
        AND outbox.arrival > sinks.position AND outbox.arrival <= sinks.batch_end
    UNION ALL
    SELECT sink, lane, arrival, event_id, attempts FROM unsettled WHERE in_batch = 1;

-- Events whose receipt time waits for the clock to be set. `timeline` is the wall time that their
-- clock gave to monotonic zero; `sent`: some sink has them as they are.
CREATE VIEW suspects AS
    SELECT events.event_id, events.device, events.zone, events.received_at, boots.boot_id,
        events.received_at - events.monotonic_ms * 1000 AS timeline,
        EXISTS (SELECT 1 FROM sinks WHERE sinks.lane = events.lane
            AND max(sinks.position, sinks.batch_end) >= events.arrival) AS sent
    FROM events JOIN boots ON boots.boot = events.boot WHERE events.suspect = 1;
