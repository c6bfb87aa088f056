WITH policy AS (
    SELECT * FROM (
        SELECT position, full_members_for_branch, formations_counted, members_counted FROM {schema}.policy
         WHERE position <= %(known_at)s AND day_from <= %(day)s AND day_to > %(day)s
        UNION ALL SELECT 0, 3, ARRAY['standalone', 'joint', 'affiliated'], 'here'
    ) adopted ORDER BY position DESC LIMIT 1
), rows AS (
    SELECT b.*, b.excluded = 0 AS included,
           (standalone > 0 AND 'standalone' = ANY (p.formations_counted))
           OR (joint > 0 AND 'joint' = ANY (p.formations_counted))
           OR (affiliated > 0 AND 'affiliated' = ANY (p.formations_counted)) AS covered,
           standalone + joint + affiliated + instructors > 0 AS work_covered,
           full_members + CASE p.members_counted WHEN 'here_and_elsewhere' THEN full_elsewhere ELSE 0 END
           >= p.full_members_for_branch AS eligible
      FROM bitemporal b, policy p
     WHERE b.valid @> %(as_of)s::date AND b.known @> %(known_at)s::bigint
)
SELECT kind, left(region, 6),
       count(*),
       count(*) FILTER (WHERE NOT included),
       count(*) FILTER (WHERE included),
       count(*) FILTER (WHERE included AND covered),
       count(*) FILTER (WHERE included AND standalone > 0),
       count(*) FILTER (WHERE included AND standalone = 0 AND joint > 0),
       count(*) FILTER (WHERE included AND standalone = 0 AND joint = 0 AND affiliated > 0),
       count(*) FILTER (WHERE included AND work_covered),
       count(*) FILTER (WHERE included AND eligible),
       count(*) FILTER (WHERE included AND eligible AND covered),
       coalesce(sum(employees) FILTER (WHERE included), 0),
       coalesce(sum(employees) FILTER (WHERE included AND covered), 0),
       coalesce(sum(full_members) FILTER (WHERE included), 0),
       coalesce(sum(probationary_members) FILTER (WHERE included), 0),
       coalesce(sum(activists) FILTER (WHERE included), 0),
       coalesce(sum(full_elsewhere + probationary_elsewhere) FILTER (WHERE included), 0),
       count(*) FILTER (WHERE included AND eligible AND standalone > 0)
  FROM rows GROUP BY 1, 2
