-- One relay at a time sends, for as long as its lease runs; none holds a transaction open while it does. `toward_…` is
-- the mark that it is on its way to, `done_to` the number of the organization in that version up to which it is sent.
ALTER TABLE taizhang.relay
    ADD COLUMN owner text,
    ADD COLUMN leased_until timestamptz,
    ADD COLUMN toward_position bigint,
    ADD COLUMN toward_as_of date,
    ADD COLUMN toward_version text,
    ADD COLUMN done_to bigint NOT NULL DEFAULT 0 CHECK (done_to >= 0),
    ADD COLUMN sent bigint NOT NULL DEFAULT 0 CHECK (sent >= 0),
    ADD CHECK (num_nulls(toward_position, toward_as_of, toward_version) IN (0, 3));

COMMENT ON COLUMN taizhang.relay.sent IS 'records that the brokers have acknowledged, ever';
