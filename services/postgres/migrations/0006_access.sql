-- The events of access are few among many; whoever calls is looked up among them.
CREATE INDEX log_access_idx ON taizhang.log (notification_id)
    WHERE topic IN ('taizhang.access.granted.v1', 'taizhang.access.revoked.v1');
