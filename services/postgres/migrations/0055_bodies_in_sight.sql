-- Among what is signed for a reader's transaction are bodies too, each with all that were ever below it; a body is told
-- from the prefix of a division code by how its name begins.
CREATE FUNCTION taizhang.bodies() RETURNS text[] LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN (SELECT array_agg(part) FROM unnest(taizhang.regions()) AS part WHERE part LIKE 'body:%');
COMMENT ON FUNCTION taizhang.bodies() IS 'the bodies that are signed for this transaction; null for none';
REVOKE ALL ON FUNCTION taizhang.bodies() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION taizhang.bodies() TO taizhang_reader;
