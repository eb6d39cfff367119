PRAGMA application_id = 1131178835;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE batches (
    sink TEXT PRIMARY KEY,
    number INTEGER NOT NULL DEFAULT 0,          -- of the batch in flight, else of the last one
    in_flight INTEGER NOT NULL DEFAULT 0,
    salt BLOB,                                  -- of the batch in flight: sent again as it was
    adopt INTEGER NOT NULL DEFAULT 0            -- 1: the chain was lost, take the sink's head
) STRICT, WITHOUT ROWID;
INSERT INTO "batches" VALUES('core',2,1,X'7373737373737373737373737373737373737373737373737373737373737373',0);
CREATE TABLE boots (
    boot INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL UNIQUE,
    first_opened_at INTEGER NOT NULL
) STRICT;
INSERT INTO "boots" VALUES(1,'boot-1',1795233600000000);
CREATE TABLE days (
    sink TEXT NOT NULL,
    day INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (sink, day)
) STRICT, WITHOUT ROWID;
INSERT INTO "days" VALUES('',0,1);
INSERT INTO "days" VALUES('core',0,1);
CREATE TABLE dead_letters (
    sink TEXT NOT NULL,
    event_id BLOB NOT NULL,
    arrival INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (sink, event_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "dead_letters" VALUES('core',X'3A250F4B64001C99260FB1C4E81D657B',1,'unknown_person',NULL,1795233600000000);
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
, read_from INTEGER, clock_offset_ms INTEGER) STRICT;
INSERT INTO "devices" VALUES(1,'SN1','gate',X'3431',41,41,44,43,0,1,0,1795233600000000,1795233600000000,1795248060000,0,0,1795233600000000,3);
INSERT INTO "devices" VALUES(2,'line','gate',NULL,NULL,NULL,1,1,0,0,0,1795233600000000,1795233600000000,1795233600000,0,0,NULL,NULL);
CREATE TABLE lanes (lane INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO "lanes" VALUES(1,'punch-live');
INSERT INTO "lanes" VALUES(2,'punch-backlog');
INSERT INTO "lanes" VALUES(3,'count-live');
INSERT INTO "lanes" VALUES(4,'count-backlog');
INSERT INTO "lanes" VALUES(5,'telemetry');
CREATE TABLE lifetime (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    lived_s INTEGER NOT NULL,
    looked_at INTEGER NOT NULL
) STRICT;
INSERT INTO "lifetime" VALUES(1,0,1795233600000000);
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
INSERT INTO "pages" VALUES(1,40,2,1,40,1795248000000,1795248039000,1795233600000000,250,'Asia/Shanghai','',0,1,1000000,7626,X'4381C76CD3434C50430128B52FFD649F02AD0400A4069EA3534E31A470756C6CC5014000E88C031E00FD00A1000100C4A0313031323330313233343536373839C428C428018100A7756E6B6E6F776E8101C0C501400102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F2021222324252627C0808080110070A0C0353CD24224783976AC12B70804FA4061A010417481724C90E2E0C1C1838307070FF601751F7733B6');
INSERT INTO "pages" VALUES(41,41,1,1,1,1795248050000,1795248050000,1795233600000000,250,'Asia/Shanghai','',0,1,1000000,128,X'4A68B63EA15B7B226B696E64223A2270756E6368222C2273657269616C223A22534E31222C22757365725F6964223A2231303030222C226465766963655F74696D65223A22323032362D31312D32315430383A30303A3530222C227374617465223A302C22766572696679223A312C22726177223A2241414141414141414144493D227D5D');
INSERT INTO "pages" VALUES(42,42,3,2,0,1795233600000,1795233600000,1795233600000000,250,'Asia/Shanghai','',0,1,1000000,134,X'4AFCFD0E9E5B7B226B696E64223A22636F756E74222C22736F75726365223A226C696E65222C22746167223A22676F6F64222C226D6574726963223A22706965636573222C2276616C7565223A372C22626F6F745F6964223A2262222C22736571223A312C22736F757263655F74696D65223A22323032362D31312D32315430343A30303A30305A227D5D');
INSERT INTO "pages" VALUES(43,43,5,1,0,1795233600000,1795233600000,1795233600000000,250,'Asia/Shanghai','',0,1,1000000,95,X'4A5CF24DE05B7B226B696E64223A226465766963655F6576656E74222C2273657269616C223A22534E31222C22636F6465223A22646F6F725F6F70656E222C226465766963655F74696D65223A22323032362D31312D32315430343A30303A3030227D5D');
INSERT INTO "pages" VALUES(44,44,1,1,1,1795248060000,1795248060000,1795233600000000,0,'UTC','',0,1,1000000,128,X'4AE86CE31B5B7B226B696E64223A2270756E6368222C2273657269616C223A22534E31222C22757365725F6964223A2231303130222C226465766963655F74696D65223A22323032362D31312D32315430383A30313A3030222C227374617465223A302C22766572696679223A312C22726177223A2241414141414141414144773D227D5D');
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
INSERT INTO "quarantine" VALUES(1,1,'SN1',40,X'AAC905AEC9217356FA66E4859D94DEF6','day 40',X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF',1795233600000000,1795233600000000,1);
CREATE TABLE replacements (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    ordered_at INTEGER NOT NULL,
    ordered_by TEXT NOT NULL,
    settled_at INTEGER                          -- when a unit was first read after this order
) STRICT;
INSERT INTO "replacements" VALUES(1,'gate','SN1','SN9',1795233600000000,'ops',NULL);
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
INSERT INTO "sent_batches" VALUES('core',1,X'6868686868686868686868686868686868686868686868686868686868686868',10,1795233600000000,0,X'83A9706F736974696F6E7385012C0206032A0400052BA46B65707490A7646576696365738201930700010293010000');
CREATE TABLE sink_devices (
    sink TEXT NOT NULL,
    device INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0,
    duplicate INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, device)
) STRICT, WITHOUT ROWID;
INSERT INTO "sink_devices" VALUES('core',1,7,0,1);
INSERT INTO "sink_devices" VALUES('core',2,1,0,0);
CREATE TABLE sinks (
    sink TEXT NOT NULL,
    lane INTEGER NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    batch_end INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, lane)
) STRICT, WITHOUT ROWID;
INSERT INTO "sinks" VALUES('core',1,44,44);
INSERT INTO "sinks" VALUES('core',2,6,11);
INSERT INTO "sinks" VALUES('core',3,42,42);
INSERT INTO "sinks" VALUES('core',4,0,0);
INSERT INTO "sinks" VALUES('core',5,43,43);
CREATE TABLE units (name TEXT PRIMARY KEY, serial TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "units" VALUES('gate','SN9');
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
INSERT INTO "unsettled" VALUES('core',2,2,X'3A250F4B67E8FB86C52068E6634F5325',1,1795233630000000,0,'unknown_person');
CREATE INDEX pages_of_lane ON pages (lane, first_arrival, last_arrival);
CREATE INDEX pages_of_device ON pages (device, last_time, first_time);
CREATE INDEX pages_awaiting_correction ON pages (boot) WHERE suspect = 1;
CREATE INDEX batches_with_kept ON sent_batches (sink, number) WHERE kept;
CREATE VIEW suspects AS
    SELECT first_arrival, last_arrival - first_arrival + 1 AS rows, device, zone, received_at,
        boot_id, received_at - monotonic_ms * 1000 AS timeline,
        EXISTS (SELECT 1 FROM sinks WHERE sinks.lane = pages.lane
            AND max(sinks.position, sinks.batch_end) >= pages.first_arrival) AS sent
    FROM pages JOIN boots ON boots.boot = pages.boot WHERE suspect = 1;
COMMIT;
