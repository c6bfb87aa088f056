-- The log, what arrived beside it, and the counts of both (spec/events.md, Dispositions).

CREATE FUNCTION taizhang.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Publish a correction or a retraction instead.';
END
$$;

-- Whoever writes the log holds this table's EXCLUSIVE lock until the end of the transaction. It is a table of its
-- own because autovacuum's lock on the log would conflict with an EXCLUSIVE lock there, and hold intake up for a
-- second (deadlock_timeout) each time it ran.
CREATE TABLE taizhang.log_gate ();

CREATE FUNCTION taizhang.hold_log_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE taizhang.log_gate IN EXCLUSIVE MODE;
    RETURN NULL;
END
$$;

-- The first five columns are those of eventsourcing's recorders; notification_id is the position, dense from 1.
CREATE TABLE taizhang.log (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL CHECK (originator_version = 1),
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    notification_id bigint PRIMARY KEY CHECK (notification_id > 0),
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    effective_on date,
    recorded_at timestamptz NOT NULL,
    publisher text NOT NULL,
    intake json NOT NULL,
    raw_sha256 bytea NOT NULL CHECK (length(raw_sha256) = 32),
    content_sha256 bytea NOT NULL CHECK (length(content_sha256) = 32),
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    -- It names an event for ever, and so stands in for the library's (originator_id, originator_version): an index
    -- on the random originator_id would cost intake more than all the others together.
    CONSTRAINT log_source_id_key UNIQUE (source, id)
);
CREATE INDEX log_recorded_at_idx ON taizhang.log (recorded_at);

COMMENT ON COLUMN taizhang.log.originator_id IS 'UUID version 5 of source and id';
COMMENT ON COLUMN taizhang.log.topic IS 'CloudEvents type';
COMMENT ON COLUMN taizhang.log.state IS 'the bytes exactly as received; in binary mode the data, its attributes are in intake';

-- Roots of complete tiles of the transparency log (C2SP tlog-tiles): leaves index * 256^level to (index + 1) * 256^level.
CREATE TABLE taizhang.tile_root (
    level smallint NOT NULL CHECK (level > 0),
    index bigint NOT NULL CHECK (index >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, index)
);

-- The offsets that Kafka's batches were committed with: eventsourcing's single-row tracking table.
CREATE TABLE taizhang.tracking (
    application_name text PRIMARY KEY,
    notification_id bigint
) WITH (fillfactor = 50);

-- The number of each writer's last committed transaction. A writer whose COMMIT went unanswered reads here
-- whether it came through.
CREATE TABLE taizhang.writer (
    writer uuid PRIMARY KEY,
    admission bigint NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE taizhang.duplicate (
    position bigint NOT NULL,
    received_at timestamptz NOT NULL,
    publisher text NOT NULL,
    intake json NOT NULL
);
CREATE INDEX duplicate_position_idx ON taizhang.duplicate (position);

-- The columns from channel on name the row of taizhang.tally in which the message is counted.
CREATE TABLE taizhang.quarantine (
    id bigint PRIMARY KEY CHECK (id > 0),
    received_at timestamptz NOT NULL,
    event_id text COLLATE "C",
    publisher text NOT NULL,
    publisher_is_steward boolean NOT NULL,
    publisher_sources text[],
    intake json NOT NULL,
    attributes json,
    raw bytea NOT NULL,
    raw_sha256 bytea NOT NULL CHECK (length(raw_sha256) = 32),
    reasons json NOT NULL,
    rules text[] NOT NULL CHECK (cardinality(rules) > 0),
    source text COLLATE "C",
    channel text NOT NULL,
    topic text,
    partition integer
);
CREATE INDEX quarantine_source_idx ON taizhang.quarantine (source, id);

CREATE TABLE taizhang.quarantine_action (
    quarantine_id bigint NOT NULL REFERENCES taizhang.quarantine (id),
    number integer NOT NULL CHECK (number > 0),
    at timestamptz NOT NULL,
    by text NOT NULL,
    action text NOT NULL CHECK (action IN ('accepted', 'duplicate', 'still_refused', 'discarded')),
    position bigint CHECK ((position IS NOT NULL) = (action IN ('accepted', 'duplicate'))),
    reasons json CHECK ((reasons IS NOT NULL) = (action = 'still_refused')),
    reason text CHECK ((reason IS NOT NULL) = (action = 'discarded')),
    PRIMARY KEY (quarantine_id, number)
);
-- A message has one end: the second to claim it fails.
CREATE UNIQUE INDEX quarantine_action_end_key ON taizhang.quarantine_action (quarantine_id)
    WHERE action <> 'still_refused';

CREATE TABLE taizhang.tally (
    source text COLLATE "C",
    channel text NOT NULL,
    topic text,
    partition integer,
    received bigint NOT NULL,
    accepted bigint NOT NULL CHECK (accepted >= 0),
    duplicate bigint NOT NULL CHECK (duplicate >= 0),
    quarantined bigint NOT NULL CHECK (quarantined >= 0),
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, channel, topic, partition),
    CHECK (received = accepted + duplicate + quarantined)
) WITH (fillfactor = 50);

CREATE TRIGGER one_writer BEFORE INSERT ON taizhang.log
    FOR EACH STATEMENT EXECUTE FUNCTION taizhang.hold_log_gate();
ALTER TABLE taizhang.log ENABLE ALWAYS TRIGGER one_writer;

DO $$
DECLARE
    append_only text;
BEGIN
    FOREACH append_only IN ARRAY ARRAY['log', 'tile_root', 'duplicate', 'quarantine', 'quarantine_action'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON taizhang.%I
             FOR EACH STATEMENT EXECUTE FUNCTION taizhang.refuse_change()', append_only);
        -- ALWAYS: also for a session that sets session_replication_role to replica.
        EXECUTE format('ALTER TABLE taizhang.%I ENABLE ALWAYS TRIGGER append_only', append_only);
    END LOOP;
END
$$;
