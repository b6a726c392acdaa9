-- Search in search_documents; search_texts has also what their rows hold for them. document_conditions.py fills `{indexed}`: what an index can find,
-- `{matches}`: all that the text and the terms must hold, `{rest}`: the same without what the index told. Filled statements are in rendered/. Conditions on
-- NULL parameters are gone before planning (database.py).

-- name: candidates
-- For an estimate of how many there are; never run.
SELECT 1
FROM search_documents d
WHERE {bounds}
    AND {indexed}

-- name: edge
-- The document behind so many others, from an index alone. No row if there are no more documents.
SELECT nullif(d.occurred_at, '-infinity') AS timestamp, d.id
FROM search_documents d
WHERE {bounds}
    AND (%(after_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) < (%(after_time)s, %(after_id)s::uuid))
    AND (%(newest_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) <= (%(newest_time)s, %(newest_id)s::uuid))
    AND (%(oldest_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) >= (%(oldest_time)s, %(oldest_id)s::uuid))
ORDER BY d.occurred_at DESC, d.id DESC
OFFSET %(skipped)s LIMIT 1

-- name: matches
-- One row at least: the counts. The rest is empty if there were more than `most`. Texts are looked at newest first, until enough are found.
WITH read AS MATERIALIZED (
    SELECT d.id, d.occurred_at, d.kind, d.session_id, d.project_id, d.user_id, d.role, d.tool_name, d.is_error, d.agent_id
    FROM search_documents d
    WHERE {bounds}
        AND (%(from_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) <= (%(from_time)s, %(from_id)s::uuid))
        AND (%(until_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) < (%(until_time)s, %(until_id)s::uuid))
        AND (%(since_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) >= (%(since_time)s, %(since_id)s::uuid))
        AND {indexed}
    LIMIT %(most)s + 1
), found AS (
    SELECT d.id, d.occurred_at
    FROM read d
    WHERE {filters}
), counts AS MATERIALIZED (
    SELECT (SELECT count(*) FROM read) AS rows_read, (SELECT count(*) FROM found) AS candidates
), newest AS (
    SELECT d.id, d.occurred_at
    FROM found d, counts
    WHERE counts.rows_read <= %(most)s
        AND (%(after_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) < (%(after_time)s, %(after_id)s::uuid))
        AND (%(newest_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) <= (%(newest_time)s, %(newest_id)s::uuid))
        AND (%(oldest_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) >= (%(oldest_time)s, %(oldest_id)s::uuid))
    ORDER BY d.occurred_at DESC, d.id DESC
)
SELECT counts.rows_read,
    CASE WHEN NOT %(looks_at_texts)s THEN counts.candidates
        WHEN counts.candidates <= %(counted_texts)s THEN (
            SELECT count(*) FROM found f CROSS JOIN LATERAL (SELECT FROM search_texts d WHERE d.id = f.id AND {rest} OFFSET 0) AS looked_at) END AS total,
    page.*
FROM counts
LEFT JOIN (
    SELECT whole.id, whole.session_id, nullif(whole.occurred_at, '-infinity') AS timestamp, whole.bytes, whole.score
    FROM newest n
    -- One by one in this order, and no further than is needed: OFFSET keeps the planner from reading all texts at once.
    CROSS JOIN LATERAL (
        SELECT d.id, d.session_id, d.occurred_at, d.bytes, {score} AS score FROM search_texts d WHERE d.id = n.id AND {rest} OFFSET 0) AS whole
    LIMIT %(fetch)s
) page ON true
ORDER BY page.timestamp DESC NULLS LAST, page.id DESC

-- name: count
-- All matches, as many as are counted. Only of searches that look at no text.
SELECT count(*) AS matches
FROM (
    SELECT
    FROM search_documents d
    WHERE {bounds}
        AND {matches}
        AND {filters}
    LIMIT %(most)s
) AS counted

-- name: sessions_of_key
SELECT session_id FROM sessions

-- name: sessions_that_pass
SELECT DISTINCT d.session_id FROM search_texts d WHERE d.session_id IS NOT NULL AND {bounds} AND {indexed} AND {rest} AND {filters}

-- name: passing_sessions
-- Of the candidates the best, as they are shown, of which a document passes. They are looked at best first, until enough are found.
SELECT best.session_id, coalesce(k.title, s.title) AS session_title, CASE WHEN k.title IS NULL THEN s.title_source ELSE 'person' END AS session_title_source,
    nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user, nullif(s.last_event_at, '-infinity') AS timestamp, best.score
FROM (
    SELECT c.session_id, c.score
    FROM (
        SELECT s.session_id, c.score
        FROM unnest(%(ids)s::text[], %(scores)s::float8[]) AS c (session_id, score)
        JOIN sessions s ON s.session_id = c.session_id
        ORDER BY c.score DESC, s.last_event_at DESC NULLS LAST, s.session_id
    ) AS c
    CROSS JOIN LATERAL (SELECT FROM search_texts d WHERE d.session_id = c.session_id AND {bounds} AND {indexed} AND {rest} AND {filters} LIMIT 1) AS document
    LIMIT %(most)s
) AS best
JOIN sessions s ON s.session_id = best.session_id
LEFT JOIN session_marks k ON k.session_id = s.session_id
LEFT JOIN projects p ON p.id = s.project_id
LEFT JOIN users u ON u.id = s.user_id
ORDER BY best.score DESC, s.last_event_at DESC NULLS LAST, s.session_id

-- name: texts_of_sessions
-- Of each session the best texts with any of the words: of its first texts, those with a word, prompts before others. So it takes little of a session with
-- tens of thousands. Rare words are looked up instead.
SELECT best.session_id, best.id, best.score
FROM unnest(%(sessions)s::text[]) AS asked (session_id)
CROSS JOIN LATERAL (
    SELECT d.session_id, d.id, {score} AS score
    FROM (
        SELECT d.*
        FROM (
            SELECT d.id
            FROM (
                SELECT d.id, d.kind, d.role, d.occurred_at
                FROM search_texts d
                WHERE d.session_id = asked.session_id AND {bounds} AND {indexed} AND {rest} AND {filters}
                    AND (NOT %(are_rare)s OR d.terms @@ %(any_word)s::tsquery)
                ORDER BY d.occurred_at, d.id
                LIMIT %(most_read)s
            ) AS d
            ORDER BY (d.kind = 'message' AND d.role = 'user') IS NOT TRUE, d.occurred_at, d.id
        ) AS first
        CROSS JOIN LATERAL (
            SELECT d.id, d.session_id, d.kind, d.role, d.terms, d.occurred_at
            FROM search_documents d WHERE d.id = first.id AND d.terms @@ %(any_word)s::tsquery OFFSET 0) AS d
        LIMIT %(most_scored)s
    ) AS d
    ORDER BY score DESC, d.occurred_at DESC, d.id DESC
    LIMIT %(most)s
) AS best

-- name: first_texts
-- Of each session what was asked first; where nothing passes that was asked, what is there first.
SELECT first.session_id, first.id, 0::float8 AS score
FROM unnest(%(sessions)s::text[]) AS asked (session_id)
CROSS JOIN LATERAL (
    SELECT d.session_id, d.id
    FROM search_texts d
    WHERE d.session_id = asked.session_id AND {bounds} AND {indexed} AND {rest} AND {filters}
    ORDER BY (d.kind = 'message' AND d.role = 'user') IS NOT TRUE, d.occurred_at, d.id
    LIMIT 1
) AS first

-- name: bounds
-- Of a document d: what leads to a part of all.
(%(session_id)s::text IS NULL OR d.session_id = %(session_id)s)
    AND (%(project_id)s::bigint IS NULL OR d.project_id = %(project_id)s)
    AND (%(start)s::timestamptz IS NULL OR d.occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR d.occurred_at < %(end)s)

-- name: filters
-- Of a document d: what no index of the search leads to.
(%(kinds)s::text[] IS NULL OR d.kind = ANY (%(kinds)s))
    AND (%(role)s::text IS NULL OR d.role = %(role)s)
    AND (%(tools)s::text[] IS NULL OR lower(d.tool_name) = ANY (%(tools)s))
    AND (%(not_tools)s::text[] IS NULL OR d.tool_name IS NULL OR lower(d.tool_name) <> ALL (%(not_tools)s))
    AND (%(is_error)s::boolean IS NULL OR d.is_error = %(is_error)s)
    AND (%(agent)s::text IS NULL OR d.agent_id = %(agent)s)
    AND (%(projects)s::bigint[] IS NULL OR d.project_id = ANY (%(projects)s))
    AND (%(not_projects)s::bigint[] IS NULL OR d.project_id <> ALL (%(not_projects)s))
    AND (%(users)s::text[] IS NULL OR d.user_id = ANY (ARRAY(SELECT person_of(name) FROM unnest(%(users)s::text[]) AS u (name))))
    AND (%(not_users)s::text[] IS NULL OR d.user_id <> ALL (ARRAY(SELECT person_of(name) FROM unnest(%(not_users)s::text[]) AS u (name))))
    AND (%(machine)s::text IS NULL OR d.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(branch)s::text IS NULL OR d.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
    AND (%(is_starred)s::boolean IS NULL
        OR coalesce(d.session_id = ANY (ARRAY(SELECT session_id FROM session_marks WHERE is_starred)), false) = %(is_starred)s)
    AND (%(model)s::text IS NULL OR EXISTS (SELECT FROM messages m WHERE m.id = d.id AND m.model = %(model)s))
    AND (%(source)s::text IS NULL OR EXISTS (SELECT FROM messages m WHERE m.id = d.id AND m.source = %(source)s))
    AND (%(noted)s::uuid[] IS NULL OR d.id <> ALL (%(noted)s::uuid[]))

-- name: score
-- Of a document d: rare words, together; a prompt before an answer before what a tool was given and gave back, unless only words rank. A title has 1 more:
-- what is long or repeats the words a hundred times does not come before it.
greatest(round(((
    coalesce((
        SELECT sum(w.weight * ts_rank(d.terms, w.word, 1)) / %(all_weights)s
        FROM unnest(%(words)s::tsquery[], %(weights)s::int[]) AS w (word, weight)), 0)
    + coalesce(ts_rank_cd(d.terms, %(together)s::tsquery, 1), 0))
    * CASE WHEN %(only_words_rank)s THEN 1 ELSE CASE d.kind
        WHEN 'session' THEN 2 WHEN 'message' THEN CASE d.role WHEN 'user' THEN 1.5 ELSE 1.2 END WHEN 'file' THEN 1.2 ELSE 0.8 END END
    + CASE WHEN d.kind = 'session' AND NOT %(only_words_rank)s THEN 1 ELSE 0 END
    )::numeric, 6)::float8, 0.000001)

-- name: scans
-- A LIMIT makes the whole table look cheap to read, and a walk is in the order of an index, never a sort. Costs that are set do not tell whether
-- to compile a statement.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', %(bitmaps)s, true), set_config('statement_timeout', %(timeout)s, true),
    set_config('cpu_tuple_cost', %(row_cost)s, true), set_config('jit', 'off', true)

-- name: with_word
-- For an estimate of how frequent a word is; never run.
SELECT 1 FROM search_documents d WHERE d.terms @@ %(word)s::tsquery

-- name: by_ids
-- The text of a call that is gone is NULL until the indexer has removed its document.
SELECT d.id, d.kind, d.session_id, coalesce(k.title, s.title) AS session_title,
    CASE WHEN k.title IS NULL THEN s.title_source ELSE 'person' END AS session_title_source, nullif(d.project_id, 0) AS project_id, p.name AS project_name,
    u.name AS user, nullif(d.occurred_at, '-infinity') AS timestamp, d.role, d.tool_name, d.is_error, d.agent_id, d.content, d.result_at,
    s.git_branch, k.note, k.tags
FROM search_texts d
LEFT JOIN sessions s ON s.session_id = d.session_id
LEFT JOIN session_marks k ON k.session_id = d.session_id
LEFT JOIN projects p ON p.id = d.project_id
LEFT JOIN users u ON u.id = d.user_id
WHERE d.id = ANY (%(ids)s::uuid[]) AND d.content IS NOT NULL

-- name: neighbours
-- What was said before and after each document in its session.
SELECT asked.id, before.role AS before_role, before.content AS before_content, after.role AS after_role, after.content AS after_content
FROM unnest(%(ids)s::uuid[]) AS asked (id)
JOIN search_documents d ON d.id = asked.id
LEFT JOIN LATERAL (
    SELECT m.role, left(m.content, %(most_chars)s) AS content
    FROM messages m
    WHERE m.session_id = d.session_id AND (m.occurred_at, m.id) < (d.occurred_at, d.id) AND m.content <> ''
    ORDER BY m.occurred_at DESC, m.id DESC
    LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
    SELECT m.role, left(m.content, %(most_chars)s) AS content
    FROM messages m
    WHERE m.session_id = d.session_id AND (m.occurred_at, m.id) > (d.occurred_at, d.id) AND m.content <> ''
    ORDER BY m.occurred_at, m.id
    LIMIT 1
) AS after ON true
WHERE d.kind IN ('message', 'tool_call', 'timeline_entry')

-- name: marks
-- The first texts that a pattern matches in each document.
SELECT d.id, ARRAY(SELECT left(regexp_substr(d.content, %(pattern)s, 1, n, %(flags)s), 200) FROM generate_series(1, 3) AS n) AS texts
FROM search_texts d
WHERE d.id = ANY (%(ids)s::uuid[])

-- name: check_pattern
SELECT '' ~ %(pattern)s AS is_valid

-- name: projects
SELECT id FROM projects
WHERE id::text = %(name)s OR lower(name) = lower(%(name)s) OR path = %(name)s OR right(path, length(%(name)s) + 1) = '/' || %(name)s

-- name: sessions
SELECT session_id FROM sessions WHERE session_id ^@ %(beginning)s ORDER BY session_id <> %(beginning)s LIMIT 2

-- name: known_user
-- Whether the key sees such a user.
SELECT EXISTS (SELECT FROM users WHERE name = %(name)s) AS is_known

-- name: known_tool
-- Whether the key sees calls of such a tool.
SELECT EXISTS (
    SELECT FROM tool_rollups
    WHERE project_id = ANY (coalesce(nullif(bound_projects(), '{}'), '{-1}')) AND user_id = ANY (coalesce(bound_users(), '{-1}')) AND grain_minutes = 0
        AND lower(tool_name) = %(name)s) AS is_known

-- name: has_dictionary
-- Not while all documents are made again.
SELECT NOT EXISTS (SELECT FROM search_pending WHERE newest = '-infinity' AND kind = 'backfill') AS is_whole

-- name: words_with
SELECT word FROM search_words WHERE word LIKE %(like)s AND found_in > 0 LIMIT %(most)s

-- name: pending
-- Each note is of up to 256 rows. A bound key is told of messages that it may read: how much others write is not its business.
SELECT CASE WHEN current_user <> 'tracker_bound'
    THEN (SELECT least(coalesce(sum(rows), 0), 10000) FROM (SELECT rows FROM search_pending LIMIT 1000) AS waiting)
    ELSE (SELECT count(*) FROM (SELECT keys FROM search_noted_messages LIMIT 100) AS waiting CROSS JOIN LATERAL unnest(waiting.keys) AS key
        WHERE EXISTS (SELECT FROM messages AS m WHERE m.id = key::uuid OFFSET 0)) END::integer AS documents
