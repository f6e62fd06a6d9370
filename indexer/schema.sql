-- The catalogue (STATE/catalog.db). Times: UTC microseconds. One writer: the keeper.
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS camera (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, area TEXT NOT NULL,
  configured_at INTEGER NOT NULL,   -- when this box was first told of it
  enrolled_at INTEGER,              -- the obligation begins; NULL until its first footage or first failure
  retired_at INTEGER                -- the obligation ended; NULL: it goes on
) WITHOUT ROWID;

-- The intervals of the obligation: a camera that comes back begins a new one. end NULL: it goes on.
CREATE TABLE IF NOT EXISTS obligation (camera TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER,
  PRIMARY KEY (camera, start)) WITHOUT ROWID;

-- Where the accounting of a camera stands.
CREATE TABLE IF NOT EXISTS account (camera TEXT PRIMARY KEY,
  frontier INTEGER NOT NULL,        -- obligation before this is tiled by spans and gaps, for good
  up INTEGER NOT NULL DEFAULT 0     -- the recorder's last word on it, in its present run, was `up`
) WITHOUT ROWID;

-- A recorder's run that began (at) when the one before had left a camera without word, and the first
-- word on the camera after that (outcome): what is missing just before it is recorder_down.
CREATE TABLE IF NOT EXISTS restart (camera TEXT NOT NULL, at INTEGER NOT NULL, outcome INTEGER,
  PRIMARY KEY (camera, at)) WITHOUT ROWID;

-- A disk was stalled or had failed when the recorder died: what was not durable in [start, end) is lost to the disk.
CREATE TABLE IF NOT EXISTS trouble (root TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  PRIMARY KEY (root, start)) WITHOUT ROWID;

-- The clock was set back, or forward over time that an earlier life had labelled: from `start` on a camera's time is
-- lived by this life, until `end` (NULL: to this day). What belongs to an earlier one: segments up to `sequence`,
-- gaps up to `gap`, and the files named in past_file. [judged, until) of the life before may still hold holes.
CREATE TABLE IF NOT EXISTS life (camera TEXT NOT NULL, id INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER,
  sequence INTEGER NOT NULL, gap INTEGER NOT NULL, judged INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (camera, id)) WITHOUT ROWID;

-- Time that no life had lived when the clock was set forward over it: a gap there (with an id above `gap`) is nobody's
-- loss once the clock is set back into it.
CREATE TABLE IF NOT EXISTS skipped (camera TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  gap INTEGER NOT NULL, PRIMARY KEY (camera, start)) WITHOUT ROWID;

-- Files that were being written when the clock was set: they are of before life `before`.
CREATE TABLE IF NOT EXISTS past_file (camera TEXT NOT NULL, start INTEGER NOT NULL, before INTEGER NOT NULL,
  PRIMARY KEY (camera, start)) WITHOUT ROWID;

-- What a file (by its start) claimed of a time that had not come yet: it never counts, also when that time has come.
CREATE TABLE IF NOT EXISTS refused (camera TEXT NOT NULL, file INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  PRIMARY KEY (camera, file, start)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refused_by_time ON refused (camera, end);
-- When the life before life `id` ended, by the wall: none of its footage is later.
CREATE TABLE IF NOT EXISTS life_end (camera TEXT NOT NULL, id INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (camera, id)) WITHOUT ROWID;

-- Root 0 is the object store: its path can be opened by nobody, and no disk has its uuid.
CREATE TABLE IF NOT EXISTS root (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL);
INSERT OR IGNORE INTO root VALUES (0, '/dev/null/store', 'store');

-- One row per distinct set of decoder parameters: segments with the same one join without a new moov.
CREATE TABLE IF NOT EXISTS init (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
  codec TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, timescale INTEGER NOT NULL);

-- A row says: this file is in archive/, has this size, and its seal held when it was published; of root 0, that a copy of
-- it is kept in the object store.
CREATE TABLE IF NOT EXISTS segment (
  id INTEGER PRIMARY KEY, camera TEXT NOT NULL, root INTEGER NOT NULL REFERENCES root(id),
  start INTEGER NOT NULL, end INTEGER NOT NULL, bytes INTEGER NOT NULL,
  init INTEGER NOT NULL REFERENCES init(id), init_bytes INTEGER NOT NULL,
  fragments BLOB NOT NULL, frames INTEGER NOT NULL, sequence INTEGER NOT NULL, flags INTEGER NOT NULL,
  seal_digest BLOB NOT NULL, run TEXT NOT NULL,
  witnessed_us INTEGER NOT NULL,    -- the box's witnessed time when it was published (design §7)
  init_crc INTEGER,                 -- CRC-32C of ftyp and moov; NULL: published when no sum was made of them
  UNIQUE (camera, start));
-- Retention looks from the oldest on, without touching rows: see indexer/garbage.h.
CREATE INDEX IF NOT EXISTS segment_by_age ON segment (root, camera, end, start, witnessed_us);

-- Bytes and recorded time of the published segments by camera and day (of their start, days since 1970 in UTC):
-- what the forecast is made from, and the archive's size without a walk over its rows.
CREATE TABLE IF NOT EXISTS volume (camera TEXT NOT NULL, day INTEGER NOT NULL, bytes INTEGER NOT NULL,
  covered_us INTEGER NOT NULL, PRIMARY KEY (camera, day)) WITHOUT ROWID;
INSERT INTO volume SELECT camera, start / 86400000000, sum(bytes), sum(end - start) FROM segment
  WHERE NOT EXISTS (SELECT 1 FROM volume) GROUP BY 1, 2;
CREATE TRIGGER IF NOT EXISTS volume_grows AFTER INSERT ON segment BEGIN
  INSERT INTO volume VALUES (NEW.camera, NEW.start / 86400000000, NEW.bytes, NEW.end - NEW.start)
    ON CONFLICT (camera, day) DO UPDATE SET bytes = bytes + excluded.bytes, covered_us = covered_us + excluded.covered_us;
END;
CREATE TRIGGER IF NOT EXISTS volume_shrinks AFTER DELETE ON segment BEGIN
  UPDATE volume SET bytes = bytes - OLD.bytes, covered_us = covered_us - (OLD.end - OLD.start)
    WHERE camera = OLD.camera AND day = OLD.start / 86400000000;
  DELETE FROM volume WHERE camera = OLD.camera AND day = OLD.start / 86400000000 AND covered_us <= 0;
END;

-- The durable part of the files that are being written; at most one per camera and file.
CREATE TABLE IF NOT EXISTS open_segment (
  file TEXT PRIMARY KEY, camera TEXT NOT NULL, root INTEGER NOT NULL REFERENCES root(id),
  start INTEGER NOT NULL, end INTEGER NOT NULL, bytes INTEGER NOT NULL, run TEXT NOT NULL,
  init INTEGER, init_bytes INTEGER NOT NULL, fragments BLOB NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0 -- the recorder said `sealed` and all of it was read
) WITHOUT ROWID;

-- Files that were put aside (incoming/*.bad): their time, where nothing else covers it, is footage_damaged.
CREATE TABLE IF NOT EXISTS damaged (file TEXT NOT NULL, camera TEXT NOT NULL, start INTEGER NOT NULL,
  end INTEGER NOT NULL, PRIMARY KEY (camera, start, file)) WITHOUT ROWID;

-- Merged coverage: 'recorded' is on the disk (durable, parsed), 'expired' was and is lawfully deleted.
CREATE TABLE IF NOT EXISTS span (camera TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('recorded', 'expired')),
  PRIMARY KEY (camera, start)) WITHOUT ROWID;

-- Obligation without coverage. Never merged, never deleted. end NULL: open.
CREATE TABLE IF NOT EXISTS gap (id INTEGER PRIMARY KEY AUTOINCREMENT, camera TEXT NOT NULL,
  start INTEGER NOT NULL, end INTEGER, cause TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '',
  history TEXT NOT NULL DEFAULT '[]',  -- JSON [{"at","cause","detail"}]: how the cause changed meanwhile
  explanation TEXT, explained_by TEXT, explained_at INTEGER);
CREATE INDEX IF NOT EXISTS gap_by_time ON gap (camera, start);
CREATE INDEX IF NOT EXISTS gap_open ON gap (camera) WHERE end IS NULL;
-- Those of which the ledger is told when the transaction ends: empty between transactions.
CREATE TABLE IF NOT EXISTS gap_untold (id INTEGER PRIMARY KEY, at INTEGER NOT NULL);
-- Those of a camera that flaps, of which the ledger is told together (indexer/gap_gather.h): waiting since, changed last at.
CREATE TABLE IF NOT EXISTS gap_gathered (id INTEGER PRIMARY KEY, camera TEXT NOT NULL, since INTEGER NOT NULL, at INTEGER NOT NULL);

-- The same files as the disk has them (ROOT/incoming/FILE, see aside.h). sha256 NULL: not claimed for deletion.
CREATE TABLE IF NOT EXISTS aside (root INTEGER NOT NULL REFERENCES root(id), file TEXT NOT NULL, camera TEXT NOT NULL,
  start INTEGER NOT NULL, end INTEGER NOT NULL, witnessed_us INTEGER NOT NULL, bytes INTEGER, sha256 BLOB,
  PRIMARY KEY (root, file)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS garbage (id INTEGER PRIMARY KEY, camera TEXT NOT NULL, root INTEGER NOT NULL,
  start INTEGER NOT NULL, end INTEGER NOT NULL, bytes INTEGER NOT NULL, seal_digest BLOB NOT NULL);

-- What went of a camera's footage by the hour of witnessed time in which it was claimed, for the brake (retention/brake.h):
-- kind 'here': coverage that expired; 'store': copies in the object store of which nothing was here.
CREATE TABLE IF NOT EXISTS brake (camera TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('here', 'store')), hour INTEGER NOT NULL,
  gone_us INTEGER NOT NULL, PRIMARY KEY (camera, kind, hour)) WITHOUT ROWID;

-- What expired and the ledger was not told of yet (indexer/day_tell.h). The key's columns come first: of a table WITHOUT ROWID
-- whose columns stand in another order, SQLite 3.40's quick_check says that a value is NULL.
CREATE TABLE IF NOT EXISTS expired_told (camera TEXT NOT NULL, start INTEGER NOT NULL, seal_digest BLOB NOT NULL,
  end INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (camera, start, seal_digest)) WITHOUT ROWID;
-- The same of files that were put aside, and of what was copied to and deleted in the object store (kind 'expired': it was the only
-- file of its footage).
CREATE TABLE IF NOT EXISTS aside_told (camera TEXT NOT NULL, start INTEGER NOT NULL, file TEXT NOT NULL, sha256 BLOB NOT NULL,
  end INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (camera, start, file, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object_told (kind TEXT NOT NULL CHECK (kind IN ('copied', 'deleted', 'expired')), camera TEXT NOT NULL,
  place TEXT NOT NULL, start INTEGER NOT NULL, seal_digest BLOB NOT NULL, end INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY (kind, camera, place, start, seal_digest)) WITHOUT ROWID;

-- Segments whose file went away without our doing: one that comes back plays again, and the gap that it left stays.
CREATE TABLE IF NOT EXISTS missing (camera TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  seal_digest BLOB NOT NULL, PRIMARY KEY (camera, start)) WITHOUT ROWID;

-- Files of a segment beside that of its row, on other disks (indexer/copy.h). 'making': it may be there in part, or
-- not at all; 'kept': whole, for a hold; 'surplus': to be removed.
CREATE TABLE IF NOT EXISTS copy (camera TEXT NOT NULL, start INTEGER NOT NULL, root INTEGER NOT NULL,
  bytes INTEGER NOT NULL, seal_digest BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('making', 'kept', 'surplus')), PRIMARY KEY (camera, start, root)) WITHOUT ROWID;

-- Segments in the object store (indexer/object.h). 'waiting': to be copied there; 'kept': read back and found whole, under
-- lock until retain_until; 'alone': kept, and its segment is gone here; 'doomed': past keep, to be deleted there.
CREATE TABLE IF NOT EXISTS object (camera TEXT NOT NULL, start INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'kept', 'alone', 'doomed')),
  end INTEGER, witnessed_us INTEGER, place TEXT, key TEXT, version TEXT, bytes INTEGER, sha256 BLOB, seal_digest BLOB, retain_until INTEGER,
  PRIMARY KEY (camera, start)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS object_waiting ON object (start, camera) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS object_alone ON object (start, camera) WHERE state = 'alone';
CREATE INDEX IF NOT EXISTS object_doomed ON object (start, camera) WHERE state = 'doomed';
-- Segments whose row is the store's (root 0), until their copy is deleted there; asked_at: when it was last found to be there
-- and locked. What is doomed and stands here was the only file of its footage.
CREATE TABLE IF NOT EXISTS stored (camera TEXT NOT NULL, start INTEGER NOT NULL, asked_at INTEGER NOT NULL,
  PRIMARY KEY (camera, start)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stored_by_asked ON stored (asked_at);
-- Their part of `volume`: what does not lie on a disk.
CREATE TABLE IF NOT EXISTS stored_volume (camera TEXT NOT NULL, day INTEGER NOT NULL, files INTEGER NOT NULL,
  bytes INTEGER NOT NULL, PRIMARY KEY (camera, day)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS stored_begins AFTER UPDATE OF root ON segment WHEN NEW.root = 0 AND OLD.root <> 0 BEGIN
  INSERT INTO stored_volume VALUES (NEW.camera, NEW.start / 86400000000, 1, NEW.bytes)
    ON CONFLICT (camera, day) DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS stored_is_found AFTER INSERT ON segment WHEN NEW.root = 0 BEGIN
  INSERT INTO stored_volume VALUES (NEW.camera, NEW.start / 86400000000, 1, NEW.bytes)
    ON CONFLICT (camera, day) DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS stored_is_back AFTER INSERT ON segment WHEN NEW.root <> 0 BEGIN
  DELETE FROM stored WHERE camera = NEW.camera AND start = NEW.start;
END;
CREATE TRIGGER IF NOT EXISTS stored_ends AFTER UPDATE OF root ON segment WHEN OLD.root = 0 AND NEW.root <> 0 BEGIN
  UPDATE stored_volume SET files = files - 1, bytes = bytes - OLD.bytes
    WHERE camera = OLD.camera AND day = OLD.start / 86400000000;
  DELETE FROM stored_volume WHERE camera = OLD.camera AND day = OLD.start / 86400000000 AND files <= 0;
  DELETE FROM stored WHERE camera = OLD.camera AND start = OLD.start;
END;
CREATE TRIGGER IF NOT EXISTS stored_is_gone AFTER DELETE ON segment WHEN OLD.root = 0 BEGIN
  UPDATE stored_volume SET files = files - 1, bytes = bytes - OLD.bytes
    WHERE camera = OLD.camera AND day = OLD.start / 86400000000;
  DELETE FROM stored_volume WHERE camera = OLD.camera AND day = OLD.start / 86400000000 AND files <= 0;
END;
-- Copies of which version 0.1 had not told yet, by camera and place; and copies that were deleted in the store, until object_told
-- has them; expired: it was the only file of its footage.
CREATE TABLE IF NOT EXISTS copied (camera TEXT NOT NULL, place TEXT NOT NULL, since INTEGER NOT NULL, files INTEGER NOT NULL,
  bytes INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY (camera, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object_gone (camera TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, place TEXT NOT NULL,
  bytes INTEGER NOT NULL, seal_digest BLOB NOT NULL, expired INTEGER NOT NULL, PRIMARY KEY (camera, start)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS object_follows AFTER DELETE ON segment BEGIN
  DELETE FROM object WHERE camera = OLD.camera AND start = OLD.start AND state = 'waiting';
  UPDATE object SET state = 'alone' WHERE camera = OLD.camera AND start = OLD.start AND state = 'kept';
END;

CREATE TABLE IF NOT EXISTS hold (id INTEGER PRIMARY KEY AUTOINCREMENT, camera TEXT NOT NULL,
  start INTEGER NOT NULL, end INTEGER NOT NULL, reason TEXT NOT NULL, reference TEXT NOT NULL DEFAULT '',
  placed_by TEXT NOT NULL, placed_at INTEGER NOT NULL,
  released_by TEXT, released_at INTEGER, release_reason TEXT);

-- Accounts (tokens of the api), each with its entries token.made and token.revoked (indexer/person.h). name_key: names that
-- look alike have the same one, and it is taken for ever. maker: an account, 0 the box, -1 not known. hash: of the secret.
CREATE TABLE IF NOT EXISTS token (id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL, maker INTEGER NOT NULL, hash BLOB NOT NULL, made_seq INTEGER NOT NULL, revoked_seq INTEGER);

-- Somebody asked for what takes two persons (subject: hold:ID is its release); another one has to approve (indexer/consent.h).
-- Gone when it was done. person: an account, 0 the box, NULL not known: it has to be asked for again.
CREATE TABLE IF NOT EXISTS consent (subject TEXT PRIMARY KEY, person INTEGER, name TEXT NOT NULL, role TEXT NOT NULL,
  seq INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
  camera TEXT, body TEXT NOT NULL, hash BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS ledger_is_append_only_update BEFORE UPDATE ON ledger
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_is_append_only_delete BEFORE DELETE ON ledger
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
