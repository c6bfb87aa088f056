-- Which reminders of measures were told on which topic; the id says of what.
CREATE TABLE taizhang.reminder (
    topic text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, id)
);
