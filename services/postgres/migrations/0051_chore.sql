-- What is run by a clock and ends: when each was last run and ended well, what it did, and the last fault since.
CREATE TABLE taizhang.chore (
    name text COLLATE "C" PRIMARY KEY,
    ended_at timestamptz,
    done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    failed_at timestamptz,
    fault text,
    CHECK ((failed_at IS NULL) = (fault IS NULL)),
    CHECK (ended_at IS NOT NULL OR failed_at IS NOT NULL)
);

COMMENT ON COLUMN taizhang.chore.name IS 'reminders, backup or verify';
COMMENT ON COLUMN taizhang.chore.done IS 'over all of its runs: reminders sent, events backed up, entries verified';
