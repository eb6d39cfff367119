-- How long rows live, and what went by age or for room.
ALTER TABLE devices ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;  -- stored rows that went
ALTER TABLE devices ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;  -- unsent counter readings

-- With last_arrival, so that a backlog is counted without reading the pages.
DROP INDEX pages_of_lane;
CREATE INDEX pages_of_lane ON pages (lane, first_arrival, last_arrival);

-- 1: the chain was lost with a damaged file, take the sink's head.
ALTER TABLE batches ADD COLUMN adopt INTEGER NOT NULL DEFAULT 0;

ALTER TABLE sent_batches ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;  -- arrivals in tally.kept
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
