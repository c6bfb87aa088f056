-- The outbox of notices to offices: what is to be told on which channel, once, and what became of it. It is no fact of
-- the ledger: what is told follows from the log, and whether it was told stands here alone.
CREATE TABLE taizhang.notice_channel (
    name text COLLATE "C" PRIMARY KEY,
    began_at timestamptz,
    sent bigint NOT NULL DEFAULT 0 CHECK (sent >= 0)
);

COMMENT ON COLUMN taizhang.notice_channel.began_at IS
    'when it first looked at the ledger; null: it has not, or must again after a restore. What it finds then is held';
COMMENT ON COLUMN taizhang.notice_channel.sent IS 'notices that were taken, ever';

CREATE TABLE taizhang.notice (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    channel text COLLATE "C" NOT NULL REFERENCES taizhang.notice_channel,
    office text COLLATE "C",
    occasion text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    region text COLLATE "C",
    on_day date NOT NULL,
    due_on date,
    known_at bigint NOT NULL,
    found_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'waiting', 'sent', 'dropped')),
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    begun_at timestamptz,
    fault text,
    fault_detail text,
    sent_at timestamptz,
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);

COMMENT ON COLUMN taizhang.notice.id IS 'made of channel, office, subject and occasion: a repeat is nothing';
COMMENT ON COLUMN taizhang.notice.fault IS 'why the last attempt was not taken';
COMMENT ON COLUMN taizhang.notice.begun_at IS 'since when an attempt has been under way, or has had no answer';

CREATE INDEX notice_open_idx ON taizhang.notice (channel, office, no) WHERE state IN ('waiting', 'held');
CREATE INDEX notice_state_idx ON taizhang.notice (state, no);
