-- Who has signed the log's head, and when last: the log's own key, and each witness that the settings name. What a round
-- could not have signed says why, for readiness, measures and pages; nothing of it is evidence.
CREATE TABLE taizhang.head_seen (
    who text COLLATE "C" PRIMARY KEY,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    signed_at timestamptz,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refused boolean NOT NULL DEFAULT false,
    fault text
);

COMMENT ON COLUMN taizhang.head_seen.who IS 'log, or the verifier key of a witness';
COMMENT ON COLUMN taizhang.head_seen.refused IS 'it answered and did not sign, so that something contradicts';
