-- "every day" -"by night"
SELECT d.id, d.session_id, nullif(d.occurred_at, '-infinity') AS timestamp, octet_length(d.content) AS bytes, greatest(round(((
    coalesce((
        SELECT sum(w.weight * ts_rank(d.terms, w.word, 1)) / %(all_weights)s
        FROM unnest(%(words)s::tsquery[], %(weights)s::int[]) AS w (word, weight)), 0)
    + coalesce(ts_rank_cd(d.terms, %(together)s::tsquery, 1), 0))
    * CASE WHEN %(only_words_rank)s THEN 1 ELSE CASE d.kind
        WHEN 'session' THEN 2 WHEN 'message' THEN CASE d.role WHEN 'user' THEN 1.5 ELSE 1.2 END WHEN 'file' THEN 1.2 ELSE 0.8 END END
    + CASE WHEN d.kind = 'session' AND NOT %(only_words_rank)s THEN 1 ELSE 0 END
    )::numeric, 6)::float8, 0.000001) AS score
FROM (
    SELECT n.*, made.terms::tsvector AS terms
    FROM (SELECT m.id, 'message' AS kind, m.session_id, m.project_id, m.user_id, m.occurred_at, m.role, NULL::text AS tool_name, false AS is_error, m.agent_id,
    left(m.content, %(most_chars)s) AS content, NULL::boolean AS has_places
FROM messages m
WHERE m.id = ANY (%(ids)s::uuid[]) AND m.content <> '') n
    JOIN unnest(%(ids)s::uuid[], %(made_terms)s::text[]) AS made (id, terms) ON made.id = n.id
) d
WHERE ((d.terms @@ %(terms_0)s::tsquery AND (d.has_places IS NOT TRUE OR d.terms @@ %(phrase_0_0)s::tsquery) AND strpos(lower(d.content), lower(%(text_0_0)s)) > 0 AND NOT strpos(lower(d.content), lower(%(text_0_1)s)) > 0))
