-- name: cost_parts
-- The cost of calls by what was paid for, as the view api_call_costs divides it, in whole nano dollars. The rest was read from the cache.
SELECT coalesce(sum(c.cost_nano_usd), 0)::float8 AS known, coalesce(round(sum(c.input_nano_usd)), 0)::float8 AS input,
    coalesce(sum(c.cache_write_nano_usd), 0)::float8 AS cache_write, coalesce(sum(c.output_nano_usd), 0)::float8 AS output
FROM (
    SELECT id FROM api_calls
    WHERE {dated}
        AND {of_question}
        AND (%(model)s::text IS NULL OR model = %(model)s)
) AS asked
JOIN api_call_costs AS c ON c.id = asked.id
WHERE c.output_nano_usd IS NOT NULL AND c.cache_write_nano_usd IS NOT NULL
