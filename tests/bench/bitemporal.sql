-- The ledger's states as rectangles of days and positions: the peer of the rates in memory.
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE bitemporal (
    org_no integer NOT NULL,
    valid daterange NOT NULL,
    known int8range NOT NULL,
    attributes_no integer NOT NULL,
    excluded integer NOT NULL,
    full_members integer NOT NULL,
    probationary_members integer NOT NULL,
    activists integer NOT NULL,
    standalone integer NOT NULL,
    joint integer NOT NULL,
    affiliated integer NOT NULL,
    instructors integer NOT NULL,
    full_elsewhere integer NOT NULL,
    probationary_elsewhere integer NOT NULL,
    kind text NOT NULL,
    region text NOT NULL,
    employees integer
);
