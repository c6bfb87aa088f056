-- What only readers need: made at once for a version in use, at the end for one that is built beside it.

CREATE INDEX IF NOT EXISTS entry_org ON {schema}.entry (org_no, position);
CREATE INDEX IF NOT EXISTS presence_org ON {schema}.presence (org_no, position);
CREATE INDEX IF NOT EXISTS anomaly_subject ON {schema}.anomaly (subject);
CREATE INDEX IF NOT EXISTS anomaly_fact ON {schema}.anomaly (fact_position);
CREATE INDEX IF NOT EXISTS mention_identifier ON {schema}.mention (identifier, position) INCLUDE (since);
