-- "every day" or needle -/tmp
WITH read AS MATERIALIZED (
    SELECT d.id, d.occurred_at, d.kind, d.session_id, d.project_id, d.user_id, d.role, d.tool_name, d.is_error, d.agent_id
    FROM search_documents d
    WHERE (%(session_id)s::text IS NULL OR d.session_id = %(session_id)s)
    AND (%(project_id)s::bigint IS NULL OR d.project_id = %(project_id)s)
    AND (%(start)s::timestamptz IS NULL OR d.occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR d.occurred_at < %(end)s)
        AND (%(from_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) <= (%(from_time)s, %(from_id)s::uuid))
        AND (%(until_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) < (%(until_time)s, %(until_id)s::uuid))
        AND (%(since_time)s::timestamptz IS NULL OR (d.occurred_at, d.id) >= (%(since_time)s, %(since_id)s::uuid))
        AND true
    LIMIT %(most)s + 1
), found AS (
    SELECT d.id, d.occurred_at
    FROM read d
    WHERE (%(kinds)s::text[] IS NULL OR d.kind = ANY (%(kinds)s))
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
            SELECT count(*) FROM found f CROSS JOIN LATERAL (SELECT FROM search_texts d WHERE d.id = f.id AND ((d.terms @@ %(terms_0)s::tsquery AND (d.has_places IS NOT TRUE OR d.terms @@ %(phrase_0_0)s::tsquery) AND strpos(lower(d.content), lower(%(text_0_0)s)) > 0) OR (d.terms @@ %(terms_1)s::tsquery AND NOT strpos(lower(d.content), lower(%(text_1_1)s)) > 0)) OFFSET 0) AS looked_at) END AS total,
    page.*
FROM counts
LEFT JOIN (
    SELECT whole.id, whole.session_id, nullif(whole.occurred_at, '-infinity') AS timestamp, whole.bytes, whole.score
    FROM newest n
    CROSS JOIN LATERAL (
        SELECT d.id, d.session_id, d.occurred_at, d.bytes, greatest(round(((
    coalesce((
        SELECT sum(w.weight * ts_rank(d.terms, w.word, 1)) / %(all_weights)s
        FROM unnest(%(words)s::tsquery[], %(weights)s::int[]) AS w (word, weight)), 0)
    + coalesce(ts_rank_cd(d.terms, %(together)s::tsquery, 1), 0))
    * CASE WHEN %(only_words_rank)s THEN 1 ELSE CASE d.kind
        WHEN 'session' THEN 2 WHEN 'message' THEN CASE d.role WHEN 'user' THEN 1.5 ELSE 1.2 END WHEN 'file' THEN 1.2 ELSE 0.8 END END
    + CASE WHEN d.kind = 'session' AND NOT %(only_words_rank)s THEN 1 ELSE 0 END
    )::numeric, 6)::float8, 0.000001) AS score FROM search_texts d WHERE d.id = n.id AND ((d.terms @@ %(terms_0)s::tsquery AND (d.has_places IS NOT TRUE OR d.terms @@ %(phrase_0_0)s::tsquery) AND strpos(lower(d.content), lower(%(text_0_0)s)) > 0) OR (d.terms @@ %(terms_1)s::tsquery AND NOT strpos(lower(d.content), lower(%(text_1_1)s)) > 0)) OFFSET 0) AS whole
    LIMIT %(fetch)s
) page ON true
ORDER BY page.timestamp DESC NULLS LAST, page.id DESC
