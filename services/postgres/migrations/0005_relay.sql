-- How far each topic that we publish has come. `position` is the log's for the ledger's changes, the quarantine id
-- for dead letters; `as_of` the date at whose end the ledger was published.
CREATE TABLE taizhang.relay (
    topic text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ledger', 'dead_letter')),
    position bigint NOT NULL CHECK (position >= 0),
    as_of date NOT NULL,
    relayed_at timestamptz NOT NULL,
    PRIMARY KEY (topic, kind)
) WITH (fillfactor = 50);
