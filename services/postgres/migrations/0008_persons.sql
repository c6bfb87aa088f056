-- Whom a pseudonym stands for, where an office must know it: kept apart from the log, each person encrypted with a
-- key of their own, which itself is encrypted with one that is not in the database. Erasing deletes both rows.
CREATE TABLE taizhang.person_key (
    pseudonym text COLLATE "C" PRIMARY KEY,
    sealed_key bytea NOT NULL CHECK (length(sealed_key) = 60)
);

CREATE TABLE taizhang.person (
    pseudonym text COLLATE "C" PRIMARY KEY REFERENCES taizhang.person_key (pseudonym) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    purpose text NOT NULL,
    keep_until date NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kept_by text NOT NULL
);

CREATE TABLE taizhang.person_erased (
    pseudonym text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by text NOT NULL,
    reason text NOT NULL
);

COMMENT ON COLUMN taizhang.person_key.sealed_key IS '12 bytes of nonce, then 32 of key and 16 of tag (AES-256-GCM)';
