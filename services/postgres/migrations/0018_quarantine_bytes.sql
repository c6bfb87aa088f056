-- What was refused for holding numbers or names of persons keeps its hash, and loses its bytes once it is discarded or
-- was kept for long enough. Nothing else of a quarantined message ever changes, and no other message loses anything.
ALTER TABLE taizhang.quarantine
    ADD COLUMN emptied_at timestamptz,
    ADD COLUMN raw_length integer;
COMMENT ON COLUMN taizhang.quarantine.raw_length IS 'of the bytes that are gone; null where they are there';

CREATE FUNCTION taizhang.refuse_all_but_emptying() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept CONSTANT text[] := ARRAY['raw', 'raw_length', 'attributes', 'emptied_at', 'reasons', 'intake'];
BEGIN
    IF OLD.emptied_at IS NULL AND NEW.emptied_at IS NOT NULL AND NEW.raw = '' AND NEW.raw_length = length(OLD.raw)
       AND OLD.rules && ARRAY['personal_identifier', 'extra_forbidden'] AND NEW.attributes IS NULL
       AND to_jsonb(NEW) - kept = to_jsonb(OLD) - kept
       AND NEW.intake::jsonb = OLD.intake::jsonb - 'attributes' - 'jws'
       AND (SELECT jsonb_agg(each - 'value' ORDER BY n) FROM jsonb_array_elements(NEW.reasons::jsonb)
                   WITH ORDINALITY AS told (each, n))
         = (SELECT jsonb_agg(each - 'value' ORDER BY n) FROM jsonb_array_elements(OLD.reasons::jsonb)
                   WITH ORDINALITY AS told (each, n)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Only the bytes of what holds numbers or names of persons go, by taizhang quarantine expire.';
END
$$;

DROP TRIGGER append_only ON taizhang.quarantine;
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON taizhang.quarantine
    FOR EACH STATEMENT EXECUTE FUNCTION taizhang.refuse_change();
ALTER TABLE taizhang.quarantine ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER emptied_only BEFORE UPDATE ON taizhang.quarantine
    FOR EACH ROW EXECUTE FUNCTION taizhang.refuse_all_but_emptying();
ALTER TABLE taizhang.quarantine ENABLE ALWAYS TRIGGER emptied_only;

CREATE INDEX quarantine_persons_idx ON taizhang.quarantine (received_at)
    WHERE emptied_at IS NULL AND rules && ARRAY['personal_identifier', 'extra_forbidden'];
