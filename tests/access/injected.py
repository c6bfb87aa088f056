"""Statements injected into a limited caller's question; {ledger} is the version's schema, {owner} the service's."""

REFUSED = (
    # To be somebody else, or more.
    "SET ROLE {owner}",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION {owner}",
    "SET SESSION AUTHORIZATION postgres",
    "SELECT set_config('role', 'postgres', false)",
    "GRANT {owner} TO CURRENT_USER",
    "GRANT pg_read_all_data TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE ROLE another SUPERUSER",
    # To read past the tables' rights.
    "SELECT * FROM taizhang.sight_key",
    "SELECT query_to_xml('SELECT * FROM taizhang.sight_key', false, false, '')",
    "SELECT * FROM {ledger}.organization_record",
    "SELECT * FROM taizhang.quarantine",
    "SELECT * FROM taizhang.reading",
    "SELECT rolpassword FROM pg_authid",
    "SELECT stavalues1 FROM pg_statistic",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_read_binary_file('base/1/PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/injected')",
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "COPY (SELECT 1) TO '/tmp/injected'",
    "CREATE TEMP TABLE read_in (line text); COPY read_in FROM '/etc/hostname'",
    "SELECT pg_create_logical_replication_slot('injected', 'test_decoding')",
    # To move the wall.
    "ALTER TABLE {ledger}.organization DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {ledger}.organization OWNER TO CURRENT_USER",
    "ALTER POLICY in_sight ON {ledger}.organization USING (true)",
    "DROP POLICY in_sight ON {ledger}.organization",
    "CREATE POLICY everything ON {ledger}.organization USING (true)",
    "SET LOCAL row_security = off; SELECT * FROM {ledger}.organization",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION taizhang.regions() RETURNS text[] LANGUAGE sql AS 'SELECT ARRAY[''99'']'",
    "CREATE OR REPLACE FUNCTION taizhang.occasion() RETURNS text LANGUAGE sql AS 'SELECT ''always'''",
    "ALTER FUNCTION taizhang.regions() SECURITY INVOKER",
    "ALTER FUNCTION taizhang.regions() RESET ALL",
    "CREATE OR REPLACE VIEW taizhang.mention AS SELECT 1::bigint AS position",
    "CREATE OR REPLACE VIEW {ledger}.entity_in_sight AS SELECT 'member:1' AS entity",
    "INSERT INTO taizhang.sight_key VALUES (false, '', '')",
    "UPDATE taizhang.sight_key SET inner_pad = outer_pad",
    "UPDATE {ledger}.attributes SET region = '990101'",
    "CREATE TABLE taizhang.injected ()",
    "CREATE FUNCTION taizhang.injected() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE public.injected ()",
    "CREATE SCHEMA injected",
    "CREATE EXTENSION dblink",
    "CREATE FUNCTION pg_temp.injected() RETURNS int LANGUAGE c AS 'libc.so.6', 'getpid'",
    "SELECT pg_reload_conf()",
    "LOAD '/tmp/injected.so'",
    # To say other regions.
    "SELECT set_config('taizhang.regions', '990202', true), taizhang.regions()",
    "SELECT set_config('taizhang.regions', repeat('0', 64) || ' 990202', true), taizhang.regions()",
    "SELECT set_config('taizhang.regions', current_setting('taizhang.regions') || ',990202', true), taizhang.regions()",
    "SELECT set_config('taizhang.regions', left(current_setting('taizhang.regions'), 66), true), taizhang.regions()",
    "SELECT set_config('taizhang.regions', left(current_setting('taizhang.regions'), 65), true), taizhang.regions()",
)

SHADOW_KEY = """
CREATE TEMP TABLE sight_key (one boolean, inner_pad bytea, outer_pad bytea);
INSERT INTO sight_key VALUES (true, repeat('6', 64)::bytea, repeat('X', 64)::bytea);
SELECT set_config('taizhang.regions',
    encode(sha256(repeat('X', 64)::bytea || sha256(repeat('6', 64)::bytea
        || convert_to(taizhang.occasion() || ' 990202', 'UTF8'))), 'hex') || ' 990202', true)
"""
SHADOW_FUNCTIONS = """
CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\\x00'::bytea $$;
CREATE FUNCTION pg_temp.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT '990202' $$;
CREATE FUNCTION pg_temp.regions() RETURNS text[] LANGUAGE sql SECURITY DEFINER AS $$ SELECT ARRAY['990202'] $$
"""
AS_DEFINER = """
CREATE FUNCTION pg_temp.as_definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER
AS $$ SELECT count(*) FROM taizhang.log $$; SELECT pg_temp.as_definer()
"""
PASSES = (
    "RESET ROLE",
    "SET ROLE NONE",
    "RESET SESSION AUTHORIZATION",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET search_path = pg_temp, taizhang, public",
    "CREATE TEMP TABLE regions AS SELECT ARRAY['990202'] AS regions; SET search_path = pg_temp",
    "CREATE TEMP TABLE organization (org_no int, org text); SET search_path = pg_temp",
    f"SET search_path = pg_temp, pg_catalog; {SHADOW_FUNCTIONS}",
    AS_DEFINER,
    "SET LOCAL default_transaction_isolation = serializable; SET plan_cache_mode = force_generic_plan",
    "SET debug_parallel_query = on; SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0",
)
