-- Who reads which of Kafka's partitions, and how far it is read. A batch is stored in one transaction with the
-- next_offset after it, under the epoch of the claim that read it; a later claim's epoch shuts an earlier one out.
CREATE TABLE taizhang.kafka_partition (
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL CHECK (partition >= 0),
    epoch bigint NOT NULL CHECK (epoch > 0),
    owner text NOT NULL,
    claimed_at timestamptz NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    read_at timestamptz,
    end_offset bigint NOT NULL CHECK (end_offset >= 0),
    seen_at timestamptz NOT NULL,
    expired bigint NOT NULL DEFAULT 0 CHECK (expired >= 0),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

COMMENT ON COLUMN taizhang.kafka_partition.end_offset IS 'the partition''s end as the broker last told it, at seen_at';
COMMENT ON COLUMN taizhang.kafka_partition.expired IS 'offsets that the topic''s retention passed before they were read';
