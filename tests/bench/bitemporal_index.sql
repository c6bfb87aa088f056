UPDATE bitemporal b SET kind = a.kind, region = a.region, employees = a.employees
  FROM {schema}.attributes a WHERE a.attributes_no = b.attributes_no;
CREATE INDEX bitemporal_org ON bitemporal USING gist (org_no, valid, known);
CREATE INDEX bitemporal_point ON bitemporal USING gist (valid, known);
