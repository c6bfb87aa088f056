-- The reader's regions are no longer what a session says of itself: the setting taizhang.regions holds them behind a MAC
-- (HMAC-SHA256, RFC 2104) over the session, its transaction and the regions, by a key that the reader cannot see.

CREATE TABLE taizhang.sight_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64)
);
COMMENT ON TABLE taizhang.sight_key IS 'a key of 64 bytes, xored with the two pads of HMAC; each database has its own';
REVOKE ALL ON taizhang.sight_key FROM PUBLIC, taizhang_reader;

DO $$
DECLARE
    inner_pad bytea := '';
    outer_pad bytea := '';
    random bytea;
BEGIN
    -- What gives out random bytes without an extension are UUIDs: 122 bits each, so two to every 16 bytes.
    FOR block IN 1..4 LOOP
        random := substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16);
        FOR n IN 0..15 LOOP
            inner_pad := inner_pad || set_byte('\x00', 0, get_byte(random, n) # 54);
            outer_pad := outer_pad || set_byte('\x00', 0, get_byte(random, n) # 92);
        END LOOP;
    END LOOP;
    INSERT INTO taizhang.sight_key (inner_pad, outer_pad) VALUES (inner_pad, outer_pad);
END
$$;

CREATE FUNCTION taizhang.occasion() RETURNS text LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN pg_backend_pid() || ' ' || extract(epoch FROM transaction_timestamp());
COMMENT ON FUNCTION taizhang.occasion() IS 'what a MAC holds for: this session, and of it this transaction';

CREATE OR REPLACE FUNCTION taizhang.regions() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said CONSTANT text := current_setting('taizhang.regions', true);
    named CONSTANT text := substr(said, 66);
    due text;
BEGIN
    IF said IS NULL OR said = '' THEN
        RETURN NULL;
    END IF;
    SELECT encode(sha256(outer_pad || sha256(inner_pad || convert_to(taizhang.occasion() || ' ' || named, 'UTF8'))), 'hex')
      INTO STRICT due FROM taizhang.sight_key;
    -- Hashed once more, so that how long the comparison takes tells nothing of how much of a guess was right.
    IF sha256(convert_to(due, 'UTF8')) <> sha256(convert_to(left(said, 64), 'UTF8')) THEN
        RAISE EXCEPTION 'the regions are not signed for this transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN array_remove(string_to_array(named, ','), '');
END
$$;
REVOKE ALL ON FUNCTION taizhang.regions(), taizhang.occasion() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION taizhang.regions(), taizhang.occasion() TO taizhang_reader;
