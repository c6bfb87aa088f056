-- What hides the leaves of the log's events from those who see its tree and nothing else. A log that was begun without
-- has none before the event that states it. Erasing a value keeps what it committed to, so that the tree stays whole.
CREATE TABLE taizhang.blinding (
    position bigint PRIMARY KEY CHECK (position > 0),
    value bytea CHECK (length(value) = 32),
    commitment bytea CHECK (length(commitment) = 32),
    CHECK ((value IS NULL) = (commitment IS NOT NULL))
);
COMMENT ON COLUMN taizhang.blinding.commitment IS 'of a value that was erased';

-- What says that values were erased is looked for wherever one is gone.
CREATE INDEX log_erased_idx ON taizhang.log (notification_id) WHERE topic = 'taizhang.evidence.erased.v1';

CREATE FUNCTION taizhang.refuse_all_but_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.value IS NOT NULL AND NEW.value IS NULL AND NEW.position = OLD.position THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Only a value goes, with taizhang persons erase.';
END
$$;

CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON taizhang.blinding
    FOR EACH STATEMENT EXECUTE FUNCTION taizhang.refuse_change();
ALTER TABLE taizhang.blinding ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER erased_only BEFORE UPDATE ON taizhang.blinding
    FOR EACH ROW EXECUTE FUNCTION taizhang.refuse_all_but_erasing();
ALTER TABLE taizhang.blinding ENABLE ALWAYS TRIGGER erased_only;
