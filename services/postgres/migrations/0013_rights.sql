-- By which rights a quarantined message was sent, so that a redrive judges it by its publisher's and by nobody else's.
ALTER TABLE taizhang.quarantine ADD COLUMN publisher_rights json;
ALTER TABLE taizhang.quarantine ALTER COLUMN publisher_is_steward DROP NOT NULL;
COMMENT ON COLUMN taizhang.quarantine.publisher_rights IS
    'one for each grant: roles, sources, types, regions (null: any), and access where the log has the grant';
COMMENT ON COLUMN taizhang.quarantine.publisher_is_steward IS 'of messages from before publisher_rights; else null';
COMMENT ON COLUMN taizhang.quarantine.publisher_sources IS 'as publisher_is_steward';
