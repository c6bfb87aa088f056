-- Keys that sources sign with are events of access too.
DROP INDEX taizhang.log_access_idx;
CREATE INDEX log_access_idx ON taizhang.log (notification_id) WHERE topic IN (
    'taizhang.access.granted.v1', 'taizhang.access.revoked.v1', 'taizhang.access.key_registered.v1'
);
