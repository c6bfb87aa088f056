-- The second clock's instants (spec/domain.md, Learned at). A position of an import has what its sources said; of all
-- others `recorded_at` is both, and `learned_at` null.
ALTER TABLE taizhang.log ADD COLUMN learned_at timestamptz CHECK (learned_at <= recorded_at);
CREATE INDEX log_learned_at_idx ON taizhang.log (learned_at, notification_id) WHERE learned_at IS NOT NULL;
COMMENT ON COLUMN taizhang.log.learned_at IS 'of an import, on the sources'' word, down to the microsecond; else null: recorded_at';

-- The one mapping of an instant to the last position learned at or before it; 0 before the first. Neither clock goes
-- back, and what was recorded by then was learned by then, so the later of two look-ups is the last of all.
-- Not max(notification_id): the planner may look for it from the log's end, event by event.
CREATE FUNCTION taizhang.position_at(instant timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN greatest(
    (SELECT notification_id FROM taizhang.log WHERE recorded_at <= instant
      ORDER BY recorded_at DESC, notification_id DESC LIMIT 1),
    (SELECT notification_id FROM taizhang.log WHERE learned_at <= instant
      ORDER BY learned_at DESC, notification_id DESC LIMIT 1),
    0);

-- The latest `time` (nanoseconds since 1970) of imports that said more than had come when it was recorded: it still
-- counts at their next position. Of all other imports the log's last `learned_at` says enough.
CREATE TABLE taizhang.said_ahead (
    import text COLLATE "C" PRIMARY KEY,
    said_ns bigint NOT NULL
);
