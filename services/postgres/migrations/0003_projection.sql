-- The versions of the projections: each in a schema of its own, one of each name in use.
CREATE TABLE taizhang.projection (
    version integer PRIMARY KEY CHECK (version > 0),
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('building', 'in_use', 'retired')),
    position bigint NOT NULL CHECK (position >= 0),
    ruleset text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    swapped_at timestamptz
);
CREATE UNIQUE INDEX projection_in_use_key ON taizhang.projection (name) WHERE state = 'in_use';

-- Events that a projection could not apply, and the later events of the same entity, which wait behind them.
CREATE TABLE taizhang.projection_held (
    version integer NOT NULL REFERENCES taizhang.projection (version) ON DELETE CASCADE,
    position bigint NOT NULL,
    entity text NOT NULL,
    fault text NOT NULL,
    held_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (version, position)
);
