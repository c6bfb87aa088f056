CREATE INDEX bitemporal_org ON bitemporal USING gist (org_no, valid, known);
CREATE INDEX bitemporal_point ON bitemporal USING gist (valid, known);
