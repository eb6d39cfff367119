-- Which unit is meant by a name of the site file. Another serial behind the name is not read until a
-- person orders it (`edge-agent device replace`), so these rows change by first read and by order only.
CREATE TABLE units (name TEXT PRIMARY KEY, serial TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- A log beside the punches (SERIAL/operations) is no unit of its own. SQLite takes the other columns
-- of a max() from its row.
INSERT INTO units SELECT name, serial FROM (
    SELECT name, serial, max(coalesce(last_fetch_at, 0)) FROM devices
    WHERE serial NOT LIKE '%/operations' GROUP BY name);

-- Kept for ever. The only table beside `units` that another process writes while the agent runs.
CREATE TABLE replacements (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    ordered_at INTEGER NOT NULL,
    ordered_by TEXT NOT NULL,
    settled_at INTEGER                          -- when a unit was first read after this order
) STRICT;

-- The last whole read of a log whose device has a clock: when it began, and how far the clock was off.
-- Rows that come later were punched after `read_from` (edge_agent.supervisor.row_offsets).
ALTER TABLE devices ADD COLUMN read_from INTEGER;
ALTER TABLE devices ADD COLUMN clock_offset_ms INTEGER;
