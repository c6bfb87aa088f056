-- Which rules made each version, beyond `ruleset`: the hash of its tables' schema, and of the code that decides when a
-- question is asked. Empty where a release made it that did not say so.
ALTER TABLE taizhang.projection
    ADD COLUMN tables text NOT NULL DEFAULT '',
    ADD COLUMN reading text NOT NULL DEFAULT '';

-- The rules that programs came with, in the order in which this database met them: the later ones are an upgrade.
CREATE TABLE taizhang.ruleset (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ruleset text NOT NULL,
    tables text NOT NULL,
    met_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (ruleset, tables)
);

-- Which version of the ledger a topic's records are of: its number and the rules that read it.
ALTER TABLE taizhang.relay ADD COLUMN version text NOT NULL DEFAULT '';
