-- The units and branches of a city at the end of :day, counted from the events as received and nothing else.
-- By hand from spec/events.md and spec/domain.md; it shares no line with the product and none with the oracle.

CREATE TEMP TABLE said AS
SELECT notification_id AS position, source, id, convert_from(state, 'UTF8')::jsonb AS e FROM taizhang.log
 WHERE notification_id <= %(known_at)s;

-- Of the words on an event the last; a correction that does not fit has no effect.
CREATE TEMP TABLE word AS
SELECT DISTINCT ON (target ->> 'source', target ->> 'id') target ->> 'source' AS source, target ->> 'id' AS id,
       e -> 'data' -> 'replacement' AS replacement
  FROM (SELECT *, coalesce(e -> 'data' -> 'corrects', e -> 'data' -> 'retracts') AS target FROM said) words
 WHERE target IS NOT NULL
   AND (e -> 'data' ? 'retracts' OR e -> 'data' -> 'replacement' ? 'effective_on')
 ORDER BY target ->> 'source', target ->> 'id', (e ->> 'time')::timestamptz DESC, source COLLATE "C" DESC,
          id COLLATE "C" DESC;

CREATE TEMP TABLE fact AS
SELECT row_number() OVER (ORDER BY (d ->> 'effective_on')::date, (e ->> 'time')::timestamptz,
                          CASE WHEN name ~ '(registered|enrolled|formed|assigned)$' AND name !~ 'deregistered'
                               THEN 0
                               WHEN name ~ '(deregistered|removed|dissolved|withdrawn)$' THEN 2 ELSE 1 END,
                          source COLLATE "C", id COLLATE "C") AS n,
       name, d, (d ->> 'effective_on')::date AS day
  FROM (SELECT said.*, split_part(e ->> 'type', '.', 2) || '.' || split_part(e ->> 'type', '.', 3) AS name,
               coalesce(word.replacement, e -> 'data') AS d
          FROM said LEFT JOIN word USING (source, id)
         WHERE word.id IS NULL OR word.replacement IS NOT NULL) standing
 WHERE name !~ '^event\.' AND (d ->> 'effective_on')::date <= %(day)s;

CREATE TEMP TABLE about AS
SELECT n, name, d, day,
       CASE split_part(name, '.', 1) WHEN 'organization' THEN d ->> 'org' WHEN 'member' THEN d ->> 'member'
            WHEN 'branch' THEN d ->> 'branch' ELSE (d ->> 'org') || ' ' || (d ->> 'instructor') END AS whom
  FROM fact WHERE name ~ '^(organization|member|branch|instructor)\.';
CREATE INDEX ON about (whom, n);
ANALYZE about;

-- Who is there: the first beginning after the last end. A transfer begins a membership where there is none.
CREATE TEMP TABLE began AS
SELECT DISTINCT ON (whom) about.* FROM about
  LEFT JOIN (SELECT whom, max(n) AS n FROM about
              WHERE name IN ('organization.deregistered', 'member.removed', 'branch.dissolved') GROUP BY whom) gone
 USING (whom)
 WHERE about.n > coalesce(gone.n, 0)
   AND name IN ('organization.registered', 'member.enrolled', 'member.transferred', 'branch.formed')
 ORDER BY whom, about.n;

-- What an organization's registry said last; a category that its kind does not have changes nothing.
CREATE TEMP TABLE attribute AS
SELECT DISTINCT ON (whom, thing) whom, thing, value FROM (
    SELECT began.whom, about.n, key AS thing, about.d ->> key AS value
      FROM began JOIN about USING (whom), LATERAL jsonb_object_keys(about.d) AS key
     WHERE (about.n = began.n AND about.name = 'organization.registered')
        OR (about.n > began.n AND about.name = 'organization.changed'
            AND (key <> 'category' OR began.d ->> 'kind' = CASE
                 WHEN about.d ->> 'category' ~ '_enterprise$|^sole_proprietor$' THEN 'new_economic'
                 WHEN about.d ->> 'category' ~ '_firm$|^(association|foundation|service_institution)$' THEN 'new_social'
                 ELSE 'new_employment_group' END))
) told ORDER BY whom, thing, n DESC;

CREATE TEMP TABLE out_of_count AS
SELECT DISTINCT ON (whom) whom, about.name = 'organization.excluded' AS excluded
  FROM began JOIN about USING (whom)
 WHERE about.n > began.n AND about.name IN ('organization.excluded', 'organization.readmitted')
 ORDER BY whom, about.n DESC;

CREATE TEMP TABLE member AS
SELECT began.whom AS member,
       (SELECT coalesce(d ->> 'standing', 'full') FROM about WHERE whom = began.whom
         AND (n = began.n OR (n > began.n AND name = 'member.standing_changed')) ORDER BY n DESC LIMIT 1) AS standing,
       (SELECT coalesce(d ->> 'to_org', d ->> 'org') FROM about WHERE whom = began.whom
         AND (n = began.n OR (n > began.n AND name = 'member.transferred')) ORDER BY n DESC LIMIT 1) AS org,
       (SELECT coalesce(d ->> 'relation', 'here') FROM about WHERE whom = began.whom
         AND (n = began.n OR (n > began.n AND name IN ('member.transferred', 'member.relation_changed')))
         ORDER BY n DESC LIMIT 1) AS relation
  FROM began WHERE name LIKE 'member.%%';

CREATE TEMP TABLE branch AS
SELECT began.whom AS branch, began.n, began.day AS formed_on, began.d ->> 'region' AS region,
       (SELECT d ->> 'formation' FROM about WHERE whom = began.whom AND (n = began.n OR (n > began.n
         AND name = 'branch.coverage_changed' AND d ? 'formation')) ORDER BY n DESC LIMIT 1) AS formation,
       (SELECT d ->> 'tier' FROM about WHERE whom = began.whom AND (n = began.n OR (n > began.n
         AND name = 'branch.changed' AND d ? 'tier')) ORDER BY n DESC LIMIT 1) AS tier,
       (SELECT d ->> 'parent' FROM about WHERE whom = began.whom AND (n = began.n OR (n > began.n
         AND name = 'branch.changed' AND d ? 'parent')) ORDER BY n DESC LIMIT 1) AS parent,
       (SELECT n FROM about WHERE whom = began.whom AND (n = began.n OR (n > began.n
         AND name = 'branch.term_began')) ORDER BY n DESC LIMIT 1) AS term_n
  FROM began WHERE name = 'branch.formed';

-- Which branch covers which organization: of what was said of a pair the last; within one event dropping comes last.
CREATE TEMP TABLE pair AS
SELECT branch, org, coalesce(how, formation) AS formation FROM (
    SELECT DISTINCT ON (branch, org) * FROM (
        SELECT branch.branch, branch.formation, about.n, verb, coalesce(item ->> 'org', item #>> '{}') AS org,
               item ->> 'formation' AS how
          FROM branch JOIN about ON whom = branch,
               LATERAL (VALUES ('covers', 1), ('add', 1), ('drop', 2)) verbs (field, verb),
               LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(about.d -> field) = 'array'
                                                 THEN about.d -> field ELSE '[]' END) AS item
         WHERE about.n = branch.n OR (about.n > branch.n AND about.name = 'branch.coverage_changed')
    ) told ORDER BY branch, org, n DESC, verb DESC
) latest WHERE verb = 1;

CREATE TEMP TABLE assigned AS
SELECT d ->> 'org' AS org, d ->> 'instructor' AS instructor FROM (
    SELECT DISTINCT ON (whom) * FROM about WHERE name LIKE 'instructor.%%' ORDER BY whom, n DESC
) latest WHERE name = 'instructor.assigned';

-- Full members from which an organization is eligible, by the policy last adopted.
CREATE TEMP TABLE needed AS
SELECT coalesce((SELECT (d ->> 'full_members_for_branch')::int FROM fact WHERE name = 'policy.adopted'
                  ORDER BY n DESC LIMIT 1), 3) AS members;

CREATE TEMP TABLE unit AS
SELECT o.*, coalesce(full_here, 0) >= needed.members AS eligible, coalesce(people, 0) AS members,
       coalesce(elsewhere, 0) AS members_elsewhere, own, joint, a.org IS NOT NULL AS instructed,
       own IS NOT NULL OR coalesce(joint, false) AS established
  FROM needed, (
    SELECT whom AS org, max(value) FILTER (WHERE thing = 'kind') AS kind,
           max(value) FILTER (WHERE thing = 'category') AS category,
           max(value) FILTER (WHERE thing = 'region') AS region,
           max(value) FILTER (WHERE thing = 'employees')::int AS employees,
           coalesce(bool_and(value::bool) FILTER (WHERE thing = 'legal_person' AND value IS NOT NULL),
                    max(value) FILTER (WHERE thing = 'category') <> 'sole_proprietor') AS legal_person
      FROM attribute GROUP BY whom) o
  LEFT JOIN (
    SELECT org, count(*) FILTER (WHERE standing = 'full' AND relation = 'here') AS full_here,
           count(*) FILTER (WHERE standing <> 'activist') AS people,
           count(*) FILTER (WHERE standing <> 'activist' AND relation = 'elsewhere') AS elsewhere
      FROM member GROUP BY org) m USING (org)
  LEFT JOIN (
    SELECT org, min(CASE tier WHEN 'committee' THEN 1 WHEN 'general_branch' THEN 2 ELSE 3 END)
                FILTER (WHERE pair.formation = 'standalone') AS own,
           bool_or(pair.formation = 'joint') AS joint
      FROM pair JOIN branch USING (branch) GROUP BY org) c USING (org)
  LEFT JOIN (SELECT DISTINCT org FROM assigned) a USING (org)
  LEFT JOIN out_of_count ON out_of_count.whom = o.org
 WHERE NOT coalesce(excluded, false);
ALTER TABLE unit ADD PRIMARY KEY (org);

-- Each branch with the units that it covers, of committees and general branches with those below.
CREATE TEMP TABLE of_branch AS
WITH RECURSIVE below AS (
    SELECT branch AS top, branch FROM branch
    UNION
    SELECT below.top, branch.branch FROM below JOIN branch ON branch.parent = below.branch
      JOIN branch above ON above.branch = below.top AND above.tier <> 'branch'
)
SELECT top AS branch, count(DISTINCT kind) AS kinds, min(kind) AS kind
  FROM below LEFT JOIN pair USING (branch)
  LEFT JOIN (SELECT whom AS org, value AS kind FROM attribute WHERE thing = 'kind') known USING (org) GROUP BY top;

-- Each branch with its term: as said, or by the length that the activity policy has for its tier; put off by a year at
-- most, and of several such words the last stands.
CREATE TEMP TABLE party AS
WITH lengths AS (
    SELECT d -> 'term_years' AS years FROM fact WHERE name = 'activity_policy.adopted' ORDER BY n DESC LIMIT 1
), own AS (
    SELECT branch.*, about.day AS term_from, coalesce((about.d ->> 'to')::date, CASE
               WHEN extract(day FROM about.day) = 29 AND extract(month FROM about.day) = 2 THEN
                    (about.day + make_interval(years => (lengths.years ->> tier)::int))::date
               ELSE (about.day + make_interval(years => (lengths.years ->> tier)::int))::date - 1 END) AS own_to
      FROM branch JOIN about ON whom = branch AND about.n = term_n LEFT JOIN lengths ON true
)
SELECT own.branch, tier, region, formed_on, term_from,
       CASE WHEN kinds = 0 THEN 'none' WHEN kinds > 1 THEN 'several' ELSE kind END AS of_kind,
       coalesce((SELECT (about.d ->> 'to')::date FROM about WHERE whom = own.branch AND about.n > own.term_n
                  AND about.name = 'branch.term_extended' AND (about.d ->> 'to')::date > own_to
                  AND (about.d ->> 'to')::date <= own_to + interval '1 year' ORDER BY n DESC LIMIT 1), own_to) AS term_to
  FROM own JOIN of_branch USING (branch);
