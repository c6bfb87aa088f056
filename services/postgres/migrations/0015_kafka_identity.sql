-- Offsets belong to a topic's identity: the cluster's id and the topic's (KIP-516), and the last record that was read.
-- `generation` counts the logs that a partition has been, from 1.
ALTER TABLE taizhang.kafka_partition
    ADD COLUMN cluster_id text,
    ADD COLUMN topic_id text,
    ADD COLUMN generation integer NOT NULL DEFAULT 1 CHECK (generation > 0),
    ADD COLUMN last_offset bigint,
    ADD COLUMN last_sha256 bytea CHECK (length(last_sha256) = 32),
    ADD COLUMN compacted bigint NOT NULL DEFAULT 0 CHECK (compacted >= 0);

COMMENT ON COLUMN taizhang.kafka_partition.last_sha256 IS 'of the value of the record at last_offset, the last one stored';
COMMENT ON COLUMN taizhang.kafka_partition.expired IS 'offsets that were gone before they were read: by retention, or with a log that another one replaced';
COMMENT ON COLUMN taizhang.kafka_partition.compacted IS 'offsets between those read that never came, in a topic with compaction';

-- A published topic that was made anew has nothing of what was sent to the one before.
ALTER TABLE taizhang.relay
    ADD COLUMN cluster_id text,
    ADD COLUMN topic_id text;
