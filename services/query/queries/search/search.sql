-- Search in messages. `{matches}` is filled by search_strategy.py: what the index cannot tell of a query (phrases, paths), looked for in the text itself,
-- or `true`. Filled statements are in rendered/. Conditions on NULL parameters are gone before planning (database.py).

-- name: candidates
-- For an estimate of how many there are; never run.
SELECT 1
FROM messages m
WHERE (%(session_id)s::text IS NULL OR m.session_id = %(session_id)s)
    AND (%(project_id)s::bigint IS NULL OR m.project_id = %(project_id)s)
    AND (%(start)s::timestamptz IS NULL OR m.occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR m.occurred_at < %(end)s)
    AND (%(is_list)s OR m.content <> '')
    AND (%(role)s::text IS NULL OR m.role = %(role)s)
    AND (%(user)s::text IS NULL OR m.user_id = (SELECT id FROM users WHERE name = %(user)s))
    AND (%(machine)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(model)s::text IS NULL OR m.model = %(model)s)
    AND (%(source)s::text IS NULL OR m.source = %(source)s)
    AND (%(branch)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
    AND (%(terms)s::tsquery IS NULL OR m.terms @@ %(terms)s::tsquery
        OR (%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)))

-- name: by_index
-- One row at least: the counts. The rest is empty if there were more than `most`. Texts are looked at newest first, until enough are found.
WITH read AS MATERIALIZED (
    SELECT m.id, m.occurred_at, m.role, m.user_id, m.model, m.source, m.session_id
    FROM messages m
    WHERE (%(session_id)s::text IS NULL OR m.session_id = %(session_id)s)
        AND (%(project_id)s::bigint IS NULL OR m.project_id = %(project_id)s)
        AND (%(start)s::timestamptz IS NULL OR m.occurred_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR m.occurred_at < %(end)s)
        AND (%(is_list)s OR m.content <> '')
        AND (%(terms)s::tsquery IS NULL OR m.terms @@ %(terms)s::tsquery
        OR (%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)))
    LIMIT %(most)s + 1
), found AS (
    SELECT m.id, m.occurred_at
    FROM read m
    WHERE (%(role)s::text IS NULL OR m.role = %(role)s)
        AND (%(user)s::text IS NULL OR m.user_id = (SELECT id FROM users WHERE name = %(user)s))
        AND (%(machine)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(model)s::text IS NULL OR m.model = %(model)s)
        AND (%(source)s::text IS NULL OR m.source = %(source)s)
        AND (%(branch)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
), counts AS MATERIALIZED (
    SELECT (SELECT count(*) FROM read) AS rows_read, (SELECT count(*) FROM found) AS candidates
), newest AS (
    SELECT m.id, m.occurred_at
    FROM found m, counts
    WHERE counts.rows_read <= %(most)s
        AND (%(after_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) < (%(after_time)s, %(after_id)s::uuid))
        AND (%(newest_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) <= (%(newest_time)s, %(newest_id)s::uuid))
        AND (%(oldest_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) >= (%(oldest_time)s, %(oldest_id)s::uuid))
    ORDER BY m.occurred_at DESC, m.id DESC
)
SELECT counts.rows_read,
    CASE WHEN NOT %(has_literals)s THEN counts.candidates
        WHEN counts.candidates <= %(counted_texts)s THEN (SELECT count(*) FROM found f JOIN messages m ON m.id = f.id WHERE {matches}) END AS total,
    page.*
FROM counts
LEFT JOIN (
    SELECT m.id, nullif(m.occurred_at, '-infinity') AS timestamp, octet_length(m.content) AS bytes,
        greatest(round((
            coalesce((
                SELECT sum(w.weight * ts_rank(m.terms, w.word, 1)) / %(all_weights)s
                FROM unnest(%(words)s::tsquery[], %(weights)s::int[]) AS w (word, weight)), 0)
            + coalesce(ts_rank_cd(m.terms, %(together)s::tsquery, 1), 0))::numeric, 6)::float8, 0.000001) AS score,
        CASE WHEN %(only_matches)s THEN true ELSE {matches} END AS matches
    FROM newest n
    JOIN messages m ON m.id = n.id
    WHERE NOT %(only_matches)s OR {matches}
    ORDER BY n.occurred_at DESC, n.id DESC
    LIMIT %(fetch)s
) page ON true
ORDER BY page.timestamp DESC NULLS LAST, page.id DESC

-- name: walk
-- From the newest message backwards. The bound is inside, so that no estimate of what matches decides how the walk goes.
SELECT m.id, nullif(m.occurred_at, '-infinity') AS timestamp, octet_length(m.content) AS bytes,
    greatest(round((
        coalesce((
            SELECT sum(w.weight * ts_rank(m.terms, w.word, 1)) / %(all_weights)s
            FROM unnest(%(words)s::tsquery[], %(weights)s::int[]) AS w (word, weight)), 0)
        + coalesce(ts_rank_cd(m.terms, %(together)s::tsquery, 1), 0))::numeric, 6)::float8, 0.000001) AS score,
    CASE WHEN %(only_matches)s THEN true ELSE {matches} END AS matches
FROM (
    SELECT m.*
    FROM messages m
    WHERE (%(session_id)s::text IS NULL OR m.session_id = %(session_id)s)
        AND (%(project_id)s::bigint IS NULL OR m.project_id = %(project_id)s)
        AND (%(start)s::timestamptz IS NULL OR m.occurred_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR m.occurred_at < %(end)s)
        AND (%(is_list)s OR m.content <> '')
        AND (%(after_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) < (%(after_time)s, %(after_id)s::uuid))
        AND (%(newest_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) <= (%(newest_time)s, %(newest_id)s::uuid))
        AND (%(oldest_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) >= (%(oldest_time)s, %(oldest_id)s::uuid))
    ORDER BY m.occurred_at DESC, m.id DESC
    LIMIT %(walked)s
) m
WHERE (%(role)s::text IS NULL OR m.role = %(role)s)
    AND (%(user)s::text IS NULL OR m.user_id = (SELECT id FROM users WHERE name = %(user)s))
    AND (%(machine)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(model)s::text IS NULL OR m.model = %(model)s)
    AND (%(source)s::text IS NULL OR m.source = %(source)s)
    AND (%(branch)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
    AND (%(terms)s::tsquery IS NULL OR m.terms @@ %(terms)s::tsquery
        OR (%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)))
    AND (NOT %(only_matches)s OR {matches})
ORDER BY m.occurred_at DESC, m.id DESC
LIMIT %(fetch)s

-- name: scans
-- A LIMIT makes the whole table look cheap to read, and a walk is in the order of an index, never a sort.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', %(bitmaps)s, true)

-- name: with_word
-- For an estimate of how frequent a word is; never run.
SELECT 1 FROM messages m WHERE m.terms @@ %(word)s::tsquery

-- name: without_terms
-- Of these messages those that have not these terms.
SELECT m.id FROM messages m WHERE m.id = ANY (%(ids)s::uuid[]) AND NOT m.terms @@ %(terms)s::tsquery

-- name: by_ids
SELECT m.id, m.session_id, coalesce(mark.title, s.title) AS session_title, nullif(m.project_id, 0) AS project_id, p.name AS project_name, u.name AS user, m.role, m.content,
    nullif(m.occurred_at, '-infinity') AS timestamp, m.model, m.agent_id
FROM messages m
LEFT JOIN sessions s ON s.session_id = m.session_id
LEFT JOIN session_marks mark ON mark.session_id = m.session_id
LEFT JOIN projects p ON p.id = m.project_id
LEFT JOIN users u ON u.id = m.user_id
WHERE m.id = ANY (%(ids)s::uuid[])
