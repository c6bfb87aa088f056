-- The trail of reading: who looked at what, when. Each row is a leaf of a Merkle tree of its own (RFC 6962).
CREATE TABLE taizhang.reading_gate ();

CREATE TABLE taizhang.reading (
    number bigint PRIMARY KEY CHECK (number > 0),
    at timestamptz NOT NULL,
    reader text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    question text NOT NULL,
    request_id text NOT NULL,
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32)
);
CREATE INDEX reading_subject_idx ON taizhang.reading (subject, number);
CREATE INDEX reading_reader_idx ON taizhang.reading (reader, number);

COMMENT ON COLUMN taizhang.reading.question IS 'the path and query that were asked';

-- Roots of complete tiles of the tree, as in taizhang.tile_root.
CREATE TABLE taizhang.reading_tile_root (
    level smallint NOT NULL CHECK (level > 0),
    index bigint NOT NULL CHECK (index >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, index)
);

DO $$
DECLARE
    append_only text;
BEGIN
    FOREACH append_only IN ARRAY ARRAY['reading', 'reading_tile_root'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON taizhang.%I
             FOR EACH STATEMENT EXECUTE FUNCTION taizhang.refuse_change()', append_only);
        EXECUTE format('ALTER TABLE taizhang.%I ENABLE ALWAYS TRIGGER append_only', append_only);
    END LOOP;
END
$$;
