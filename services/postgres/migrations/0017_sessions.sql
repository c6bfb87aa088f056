-- Sessions of people who signed in. A browser holds a token of which only the hash is here, so that whoever reads this
-- table can be nobody; ending a session ends it here, whatever the browser keeps.
CREATE TABLE taizhang.session (
    session text COLLATE "C" PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    holder text COLLATE "C" NOT NULL,
    way text NOT NULL CHECK (way IN ('provider', 'link')),
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX session_holder_idx ON taizhang.session (holder, began_at);

COMMENT ON COLUMN taizhang.session.session IS 'its name, as its holder is shown it; it opens nothing';
COMMENT ON COLUMN taizhang.session.seen_at IS 'the last request, to half a minute; a stream that is open is none';

-- Links by which somebody signs in once. A link makes a session of its holder, who may what the log grants.
CREATE TABLE taizhang.sign_in_link (
    token_sha256 bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    holder text COLLATE "C" NOT NULL,
    made_by text COLLATE "C" NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz NOT NULL,
    used_at timestamptz
);
