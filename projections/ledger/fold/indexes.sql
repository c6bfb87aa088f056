-- What only readers need: made at once for a version in use, at the end for one that is built beside it.

CREATE INDEX IF NOT EXISTS entry_org ON {schema}.entry (org_no, position);
CREATE INDEX IF NOT EXISTS presence_org ON {schema}.presence (org_no, position);
CREATE INDEX IF NOT EXISTS branch_name ON {schema}.branch (branch, position);
CREATE INDEX IF NOT EXISTS meeting_branch ON {schema}.meeting (branch, position);
CREATE INDEX IF NOT EXISTS anomaly_subject ON {schema}.anomaly (subject);
CREATE INDEX IF NOT EXISTS anomaly_fact ON {schema}.anomaly (fact_position);
-- By which the row-level policies find what a row concerns (policies.sql).
CREATE INDEX IF NOT EXISTS attributes_org ON {schema}.attributes (org_no);
CREATE INDEX IF NOT EXISTS presence_entity ON {schema}.presence (entity);
CREATE INDEX IF NOT EXISTS mention_position ON {schema}.mention (position);
CREATE INDEX IF NOT EXISTS mention_identifier ON {schema}.mention (identifier, position) INCLUDE (since);
