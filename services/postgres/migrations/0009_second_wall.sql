-- The second wall: for callers limited to regions the service reads as a role that owns nothing. Row-level security
-- shows it what concerns the regions in the setting taizhang.regions, and without that setting nothing.

DO $$
DECLARE
    remedy CONSTANT text := 'as an administrator of the server: CREATE ROLE taizhang_reader NOLOGIN; '
        || 'GRANT taizhang_reader TO ' || quote_ident(current_user);
BEGIN
    -- The role is the whole server's: another database of it may have made it already, or make it just now.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'taizhang_reader') THEN
        CREATE ROLE taizhang_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role taizhang_reader is missing and % may not make it; %', current_user, remedy;
END
$$;

DO $$
BEGIN
    -- Whoever makes a role administers it, and from version 16 on is not yet one who may take it.
    IF NOT pg_has_role('taizhang_reader',
                       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE format('GRANT taizhang_reader TO %I', current_user);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not read as the role taizhang_reader; as an administrator of the server: '
            'GRANT taizhang_reader TO %', current_user, quote_ident(current_user);
END
$$;

CREATE FUNCTION taizhang.regions() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN array_remove(string_to_array(current_setting('taizhang.regions', true), ','), '');
COMMENT ON FUNCTION taizhang.regions() IS 'prefixes of the division codes in sight; an empty prefix counts for nothing';

-- What the events name, as the version of the projection in use has it; there is none yet.
CREATE VIEW taizhang.mention WITH (security_invoker) AS SELECT NULL::bigint AS position WHERE false;

GRANT USAGE ON SCHEMA taizhang TO taizhang_reader;
GRANT SELECT ON taizhang.log, taizhang.mention TO taizhang_reader;
GRANT SELECT (source, first_seen) ON taizhang.tally TO taizhang_reader;

ALTER TABLE taizhang.log ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON taizhang.log FOR SELECT TO taizhang_reader
    USING (EXISTS (SELECT FROM taizhang.mention m WHERE m.position = notification_id));
