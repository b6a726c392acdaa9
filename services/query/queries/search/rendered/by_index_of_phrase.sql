-- "every day" -"by night"
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
        WHEN counts.candidates <= %(counted_texts)s THEN (SELECT count(*) FROM found f JOIN messages m ON m.id = f.id WHERE ((%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)) OR (strpos(lower(m.content), lower(%(has_0_0)s)) > 0 AND NOT strpos(lower(m.content), lower(%(not_0_0)s)) > 0))) END AS total,
    page.*
FROM counts
LEFT JOIN (
    SELECT m.id, nullif(m.occurred_at, '-infinity') AS timestamp, octet_length(m.content) AS bytes,
        greatest(round((
            coalesce((
                SELECT sum(w.weight * ts_rank(m.terms, w.word, 1)) / %(all_weights)s
                FROM unnest(%(words)s::tsquery[], %(weights)s::int[]) AS w (word, weight)), 0)
            + coalesce(ts_rank_cd(m.terms, %(together)s::tsquery, 1), 0))::numeric, 6)::float8, 0.000001) AS score,
        CASE WHEN %(only_matches)s THEN true ELSE ((%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)) OR (strpos(lower(m.content), lower(%(has_0_0)s)) > 0 AND NOT strpos(lower(m.content), lower(%(not_0_0)s)) > 0)) END AS matches
    FROM newest n
    JOIN messages m ON m.id = n.id
    WHERE NOT %(only_matches)s OR ((%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)) OR (strpos(lower(m.content), lower(%(has_0_0)s)) > 0 AND NOT strpos(lower(m.content), lower(%(not_0_0)s)) > 0))
    ORDER BY n.occurred_at DESC, n.id DESC
    LIMIT %(fetch)s
) page ON true
ORDER BY page.timestamp DESC NULLS LAST, page.id DESC
