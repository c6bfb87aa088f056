-- What arrives beside the log, each a leaf of a Merkle tree of its own (RFC 6962): messages set aside, steps taken with
-- them, repeats of events, and the rows of the tally in which these are counted. `record` is what is recorded of it
-- (domain/tree/arrival_leaf.py), `value` what hides its leaf.
CREATE TABLE taizhang.arrival (
    number bigint PRIMARY KEY CHECK (number > 0),
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('begun', 'duplicate', 'quarantined', 'step', 'tally')),
    of bigint NOT NULL,
    record bytea NOT NULL,
    value bytea NOT NULL CHECK (length(value) = 32),
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32)
);
COMMENT ON COLUMN taizhang.arrival.of IS 'position of the repeated event, or number of the quarantined message; else 0';
CREATE INDEX arrival_of_idx ON taizhang.arrival (of, kind) WHERE kind IN ('duplicate', 'quarantined', 'step');

-- Roots of complete tiles of the tree, as in taizhang.tile_root.
CREATE TABLE taizhang.arrival_tile_root (
    level smallint NOT NULL CHECK (level > 0),
    index bigint NOT NULL CHECK (index >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, index)
);

CREATE INDEX quarantine_event_idx ON taizhang.quarantine (source, event_id);

DO $$
DECLARE
    append_only text;
    record text;
    hidden bytea := sha256(decode(replace(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), '-', ''), 'hex'));
BEGIN
    FOREACH append_only IN ARRAY ARRAY['arrival', 'arrival_tile_root'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON taizhang.%I
             FOR EACH STATEMENT EXECUTE FUNCTION taizhang.refuse_change()', append_only);
        EXECUTE format('ALTER TABLE taizhang.%I ENABLE ALWAYS TRIGGER append_only', append_only);
    END LOOP;

    -- Where arrivals were recorded before the tree was there, its first leaf says how many.
    LOCK TABLE taizhang.log_gate IN EXCLUSIVE MODE;
    SELECT format('{"arrival":1,"at":"%s","duplicates":%s,"kind":"begun","quarantined":%s,"steps":%s}',
                  to_char(greatest(clock_timestamp(), (SELECT max(recorded_at) FROM taizhang.log)) AT TIME ZONE 'UTC',
                          'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  duplicates, quarantined, steps)
      INTO record
      FROM (SELECT (SELECT count(*) FROM taizhang.duplicate) AS duplicates,
                   (SELECT count(*) FROM taizhang.quarantine) AS quarantined,
                   (SELECT count(*) FROM taizhang.quarantine_action) AS steps) there
     WHERE duplicates + quarantined > 0;
    IF record IS NOT NULL THEN
        INSERT INTO taizhang.arrival VALUES (
            1, 'begun', 0, convert_to(record, 'UTF8'), hidden,
            sha256('\x00'::bytea || convert_to(format('{"commitment":"%s","position":1}', encode(sha256(convert_to(
                E'taizhang/leaf/2\n{"blinding":"' || encode(hidden, 'hex') || '","entry":' || record || '}', 'UTF8'
            )), 'hex')), 'UTF8')));
    END IF;
END
$$;
