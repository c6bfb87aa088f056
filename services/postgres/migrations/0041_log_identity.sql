-- Which log this is: the first key that signed it. Every later key is stated by an event of the log, so that what is in
-- force is read from here and from there, and no host makes a key for a log that has one.
CREATE TABLE taizhang.log_identity (
    this boolean PRIMARY KEY DEFAULT true CHECK (this),
    key text NOT NULL CHECK (key ~ '^[^\s+]+[+][0-9a-f]{8}[+][A-Za-z0-9+/]+=*$')
);

COMMENT ON COLUMN taizhang.log_identity.key IS 'a verifier key of C2SP signed-note';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON taizhang.log_identity
    FOR EACH STATEMENT EXECUTE FUNCTION taizhang.refuse_change();
ALTER TABLE taizhang.log_identity ENABLE ALWAYS TRIGGER append_only;
