-- What the role taizhang_reader sees of this version: what concerns the regions and bodies that are signed for its
-- transaction, at any pair of clocks. An organization does that was ever registered in one of these regions or ever
-- answered to one of these bodies; a member, branch or instructor who was ever at such an organization; an event that
-- names one of these, or a division around or within these regions, or nobody at all. The records of the fold are closed to it.
GRANT USAGE ON SCHEMA {schema} TO taizhang_reader;
GRANT SELECT ON {schema}.entry, {schema}.organization, {schema}.attributes, {schema}.presence, {schema}.anomaly,
    {schema}.policy, {schema}.mention, {schema}.word, {schema}.answers TO taizhang_reader;

-- These look with their owner's eyes, past the policies that are made of them.
CREATE VIEW {schema}.answering_in_sight WITH (security_barrier) AS
SELECT e.org_no FROM {schema}.entry e JOIN {schema}.answers w ON w.answers = e.answers
 WHERE (SELECT taizhang.bodies()) IS NOT NULL
   AND ARRAY[w.supervising_unit, w.industry_department, w.park, w.building, w.market, w.platform]
       && (SELECT taizhang.bodies())::text[];
CREATE VIEW {schema}.entity_in_sight WITH (security_barrier) AS
SELECT p.entity FROM {schema}.presence p
 WHERE EXISTS (SELECT FROM {schema}.attributes a
                WHERE a.org_no = p.org_no AND a.region ^@ ANY ((SELECT taizhang.regions())::text[]))
 UNION ALL
SELECT p.entity FROM {schema}.presence p JOIN {schema}.answering_in_sight s ON s.org_no = p.org_no;
CREATE VIEW {schema}.names_somebody WITH (security_barrier) AS
SELECT position FROM {schema}.mention
 WHERE split_part(identifier, ':', 1) IN ('uscc', 'group', 'member', 'branch', 'person', 'access', 'place');
-- What is said of a wider division concerns those within it too.
CREATE VIEW {schema}.place_in_sight WITH (security_barrier) AS
SELECT position FROM {schema}.mention
 WHERE identifier LIKE 'place:%'
   AND (substr(identifier, length('place:') + 1) = ANY ((SELECT taizhang.bodies())::text[])
        OR EXISTS (SELECT FROM unnest((SELECT taizhang.regions())::text[]) region
                    WHERE substr(identifier, length('place:') + 1) ^@ region
                       OR region ^@ substr(identifier, length('place:') + 1)));
GRANT SELECT ON {schema}.answering_in_sight, {schema}.entity_in_sight, {schema}.names_somebody, {schema}.place_in_sight
    TO taizhang_reader;

ALTER TABLE {schema}.attributes ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.attributes FOR SELECT TO taizhang_reader
    USING (region ^@ ANY ((SELECT taizhang.regions())::text[])
           OR EXISTS (SELECT FROM {schema}.answering_in_sight s WHERE s.org_no = attributes.org_no));

ALTER TABLE {schema}.organization ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.organization FOR SELECT TO taizhang_reader
    USING (EXISTS (SELECT FROM {schema}.attributes a WHERE a.org_no = organization.org_no));

ALTER TABLE {schema}.entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.entry FOR SELECT TO taizhang_reader
    USING (EXISTS (SELECT FROM {schema}.attributes a WHERE a.org_no = entry.org_no));

ALTER TABLE {schema}.presence ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.presence FOR SELECT TO taizhang_reader
    USING (EXISTS (SELECT FROM {schema}.entity_in_sight e WHERE e.entity = presence.entity));

ALTER TABLE {schema}.mention ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.mention FOR SELECT TO taizhang_reader
    USING (CASE
        WHEN split_part(identifier, ':', 1) IN ('uscc', 'group') THEN
            EXISTS (SELECT FROM {schema}.organization o WHERE o.org = identifier)
        WHEN split_part(identifier, ':', 1) IN ('member', 'branch', 'person') THEN
            EXISTS (SELECT FROM {schema}.entity_in_sight e WHERE e.entity = identifier)
        WHEN identifier LIKE 'division:%' THEN
            substr(identifier, length('division:') + 1) ^@ ANY ((SELECT taizhang.regions())::text[])
        ELSE NOT EXISTS (SELECT FROM {schema}.names_somebody s WHERE s.position = mention.position)
             OR EXISTS (SELECT FROM {schema}.place_in_sight s WHERE s.position = mention.position)
    END);

ALTER TABLE {schema}.word ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.word FOR SELECT TO taizhang_reader
    USING (EXISTS (SELECT FROM {schema}.mention m WHERE m.position = word.position));

ALTER TABLE {schema}.anomaly ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_sight ON {schema}.anomaly FOR SELECT TO taizhang_reader
    USING (EXISTS (SELECT FROM {schema}.mention m WHERE m.position = anomaly.fact_position));
