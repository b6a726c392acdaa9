-- The statements of advice. Those of kinds read the sessions of `chosen` alone, [since, until), by the indexes of sessions. Each gives rows of one form:
-- of a line (`label`, which every key may see; `week`; `subject`, a text) and a session, how much it is, what it cost, and the last item that shows it.

-- part: rows_of_chosen
session_id = ANY (%(session_ids)s::text[]) AND occurred_at >= %(since)s AND occurred_at < %(until)s

-- part: average_usd
s.cost_nano_usd / 1e9::float8 / greatest(s.api_calls, s.tool_calls, 1)

-- part: commands
-- A command's program: behind `cd`, variables and programs that start others; without its folder, and with the subcommand of those that have some.
SELECT t.session_id, t.tool_name, coalesce(t.agent_id, '') AS agent_id, t.id, t.occurred_at, t.status, coalesce(t.error_class, '') AS error_class, t.decision, t.decision_source,
    coalesce(t.decision_wait_ms, t.wait_ms) AS wait_ms, left(c.command, 300) AS command,
    coalesce(substring(of_command.program FROM '^(?:git|gh|go|npm|npx|pnpm|yarn|bun|mix|mise|make|cargo|uv|pip|docker|kubectl|terraform|brew|apt|apt-get|dotnet|gradle|mvn)\s+[a-z][a-z-]+'),
        regexp_replace(split_part(of_command.program, ' ', 1), '^.*[/\\]', '')) AS program
FROM tool_calls AS t
-- OFFSET 0: each is computed once.
CROSS JOIN LATERAL (SELECT left(t.parameters->>'command', 1000) AS command OFFSET 0) AS c
CROSS JOIN LATERAL (
    SELECT substring(
        CASE WHEN c.command ~ '^\s*(?:cd|source|export|set|sudo|time|timeout|env|[A-Za-z_]\w*=)' THEN regexp_replace(left(c.command, 500),
            '^(?:\s*(?:cd\s+(?:"[^"]*"|\S+)|(?:source|export|set)\s+\S+)\s*(?:&&|;|\n)\s*\\?\s*)*(?:[A-Za-z_]\w*=[^\s(]*\s+|sudo\s+|time\s+|timeout\s+\S+\s+|env\s+)*', '')
            ELSE c.command END
        FROM '^[A-Za-z0-9_./~][\w./\\:~+-]*(?=$|[\s;&|])(?:[ ]+[a-z][a-z-]+)?') AS program
    OFFSET 0
) AS of_command
WHERE t.tool_name IN ('Bash', 'PowerShell') AND {rows_of_chosen}

-- name: chosen
-- The newest sessions that were active within the dates, until they have so many calls.
SELECT coalesce(array_agg(session_id) FILTER (WHERE is_read), ARRAY[]::text[]) AS session_ids, count(*) FILTER (WHERE NOT is_read) AS left_out,
    min(dated_at) FILTER (WHERE is_read AND dated_at > '-infinity') AS read_since
FROM (
    SELECT session_id, dated_at, coalesce(sum(tool_calls + api_calls) OVER (ORDER BY dated_at DESC, session_id DESC ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), 0)
        < %(most_calls)s AS is_read
    FROM sessions
    WHERE counted AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        AND (%(model)s::text IS NULL OR model = %(model)s)
        AND (%(end)s::timestamptz IS NULL OR dated_at < %(end)s)
        AND (%(start)s::timestamptz IS NULL OR last_event_at >= %(start)s
            AND (dated_at >= %(start)s::timestamptz - interval '8 hours' OR last_event_at - dated_at > interval '8 hours'))
) AS s

-- name: titles
SELECT s.session_id, coalesce(mark.title, s.title) AS title, p.name AS project_name, nullif(s.dated_at, '-infinity') AS start_time
FROM sessions AS s
LEFT JOIN session_marks AS mark ON mark.session_id = s.session_id
LEFT JOIN projects AS p ON p.id = s.project_id
WHERE s.session_id = ANY (%(ids)s::text[])

-- name: rebuilds
-- The cost of writing the prompt cache again, by person and week.
SELECT coalesce(u.name, '') AS label, date_trunc('week', r.timestamp AT TIME ZONE %(tz)s)::date AS week, r.session_id, count(*) AS amount, sum(r.cost_usd) AS cost_usd
FROM (
    {rebuilds}
) AS r
JOIN sessions AS s USING (session_id)
LEFT JOIN users AS u ON u.id = s.user_id
WHERE r.cause = %(cause)s
GROUP BY 1, 2, 3

-- name: contexts
-- Sessions that were compacted several times, with what writing the compacted conversation to the cache cost; and those whose last call was nearly full.
-- Where no status line tells the size of the window: 200,000 tokens, or a million if any call had more.
SELECT 'compacted' AS label, e.session_id, 1 AS amount, count(*) AS also, max(r.cost_usd) AS cost_usd, (array_agg(e.id ORDER BY e.occurred_at DESC))[1] AS item_id
FROM timeline_entries AS e
LEFT JOIN (
    SELECT session_id, sum(cost_usd) AS cost_usd
    FROM (
        {rebuilds}
    ) AS r
    WHERE r.cause = 'compaction'
    GROUP BY 1
) AS r USING (session_id)
WHERE e.kind = 'compaction' AND e.details->>'type' = 'compaction' AND e.{rows_of_chosen}
GROUP BY e.session_id
HAVING count(*) > 1
UNION ALL
SELECT 'full', c.session_id, 1, c.last_tokens, NULL, NULL
FROM (
    SELECT session_id, max(context_tokens) AS most_tokens, (array_agg(context_tokens ORDER BY occurred_at DESC, id DESC))[1] AS last_tokens
    FROM api_call_costs
    WHERE agent_id IS NULL AND NOT is_advisor AND {rows_of_chosen}
    GROUP BY session_id
) AS c
LEFT JOIN status_lines AS l USING (session_id)
WHERE c.last_tokens >= 0.75 * coalesce(l.context_window_size, CASE WHEN c.most_tokens > 200000 THEN 1000000 ELSE 200000 END)

-- name: failures
-- Failed commands by program and class, and the next command of the same program that worked, in the same thread.
WITH commands AS (
    {commands}
),
placed AS (
    SELECT *, count(*) FILTER (WHERE status = 'success') OVER (PARTITION BY session_id, agent_id, program ORDER BY occurred_at, id) AS worked
    FROM commands
)
SELECT f.error_class AS label, f.program AS subject, f.session_id, count(*) AS amount, count(w.id) AS also, count(*) * max({average_usd}) AS cost_usd,
    (array_agg(f.id ORDER BY f.occurred_at DESC))[1] AS item_id,
    (array_agg(f.command ORDER BY f.occurred_at DESC) FILTER (WHERE w.command <> f.command))[1] AS example,
    (array_agg(w.command ORDER BY f.occurred_at DESC) FILTER (WHERE w.command <> f.command))[1] AS fix
FROM placed AS f
JOIN sessions AS s USING (session_id)
LEFT JOIN placed AS w ON w.status = 'success' AND w.session_id = f.session_id AND w.agent_id = f.agent_id AND w.program = f.program AND w.worked = f.worked + 1
WHERE f.program IS NOT NULL AND f.status IN ('error', 'timeout') AND f.error_class <> ALL (%(no_failures)s::text[])
GROUP BY 1, 2, 3

-- name: retries
-- One command that failed three times or more. `also`: how often no file was changed since it had failed before.
WITH calls AS (
    SELECT session_id, id, occurred_at, status, error_class, left(c.command, 300) AS command, md5(c.command) AS whole,
        count(*) FILTER (WHERE status = 'success' AND tool_name = ANY (%(editors)s::text[])) OVER (PARTITION BY session_id ORDER BY occurred_at, id) AS edits
    FROM tool_calls
    CROSS JOIN LATERAL (SELECT CASE WHEN tool_name IN ('Bash', 'PowerShell') THEN parameters->>'command' END AS command OFFSET 0) AS c
    WHERE tool_name = ANY (%(editors)s::text[] || ARRAY['Bash', 'PowerShell']) AND {rows_of_chosen}
),
failed AS (
    SELECT *, lag(edits) OVER (PARTITION BY session_id, whole ORDER BY occurred_at, id) AS edits_before
    FROM calls
    WHERE whole IS NOT NULL AND status IN ('error', 'timeout') AND error_class IS DISTINCT FROM 'no_output'
)
SELECT '' AS label, f.command AS subject, f.session_id, count(*) AS amount, count(*) FILTER (WHERE f.edits = f.edits_before) AS also,
    (count(*) - 1) * max({average_usd}) AS cost_usd, (array_agg(f.id ORDER BY f.occurred_at DESC))[1] AS item_id
FROM failed AS f
JOIN sessions AS s USING (session_id)
GROUP BY f.command, f.whole, f.session_id
HAVING count(*) >= 3

-- name: rereads
-- Files that one thread read four times or more without a change of the file between, in whole or in parts. The first read is not counted.
WITH calls AS (
    SELECT session_id, agent_id, id, occurred_at, tool_name = 'Read' AS is_read, coalesce(parameters->>'file_path', parameters->>'notebook_path') AS path
    FROM tool_calls
    WHERE status = 'success' AND tool_name = ANY (%(editors)s::text[] || ARRAY['Read']) AND {rows_of_chosen}
),
placed AS (
    SELECT *, count(*) FILTER (WHERE NOT is_read) OVER (PARTITION BY session_id, path ORDER BY occurred_at, id) AS changes
    FROM calls
)
SELECT '' AS label, r.path AS subject, r.session_id, sum(r.reads - 1)::bigint AS amount, sum(r.reads - 1) * max({average_usd}) AS cost_usd,
    (array_agg(r.item_id))[1] AS item_id
FROM (
    SELECT session_id, path, count(*) AS reads, (array_agg(id ORDER BY occurred_at DESC))[1] AS item_id
    FROM placed
    WHERE is_read
    GROUP BY session_id, agent_id, path, changes
    HAVING count(*) >= 4
) AS r
JOIN sessions AS s USING (session_id)
GROUP BY r.path, r.session_id

-- name: prompts
-- Permissions that a person gave each time, by the rule that would spare them. `also`: minutes that the calls waited, where that is stored.
-- A command's rule has its program with the subcommand. One with operators of the shell needs a rule for each of its parts, so it has none here.
WITH calls AS (
    SELECT session_id, id, occurred_at, decision, wait_ms,
        CASE WHEN command ~ '^[^;&|<>$`()\n]+$' AND starts_with(command, program) AND NOT ARRAY[program, split_part(program, ' ', 1)] && %(no_rules)s::text[]
            THEN tool_name || '(' || program || ':*)' END AS rule
    FROM (
        {commands}
    ) AS c
    WHERE decision_source IN ('user_temporary', 'user_permanent', 'user_reject')
    UNION ALL
    SELECT session_id, id, occurred_at, decision, coalesce(decision_wait_ms, wait_ms),
        CASE WHEN tool_name = 'WebFetch' THEN 'WebFetch(domain:' || substring(parameters->>'url' FROM '^https?://([^/:?#]+)') || ')'
            WHEN tool_name IN ('Edit', 'Write', 'MultiEdit', 'NotebookEdit') THEN 'Edit' ELSE tool_name END
    FROM tool_calls
    WHERE tool_name NOT IN ('Bash', 'PowerShell', 'AskUserQuestion', 'ExitPlanMode') AND decision_source IN ('user_temporary', 'user_permanent', 'user_reject') AND {rows_of_chosen}
)
SELECT '' AS label, c.rule AS subject, c.session_id, count(*) AS amount, coalesce(sum(c.wait_ms), 0) / 60e3::float8 AS also, (array_agg(c.id ORDER BY c.occurred_at DESC))[1] AS item_id
FROM calls AS c
WHERE c.rule IN (SELECT rule FROM calls WHERE rule IS NOT NULL GROUP BY rule HAVING count(*) >= 3 AND bool_and(decision = 'accept'))
GROUP BY 2, 3

-- name: servers
-- MCP servers that were connected, as telemetry tells, and none of whose tools was called in any of these sessions.
WITH connected AS (
    SELECT DISTINCT session_id, attributes->>'server_name' AS server
    FROM signals
    WHERE name = 'mcp_server_connection' AND attributes->>'status' = 'connected' AND attributes->>'server_name' <> '' AND {rows_of_chosen}
),
used AS (
    SELECT DISTINCT split_part(tool_name, '__', 2) AS server FROM tool_calls WHERE starts_with(tool_name, 'mcp__') AND {rows_of_chosen}
)
SELECT '' AS label, c.server AS subject, c.session_id, 1 AS amount
FROM connected AS c
WHERE regexp_replace(c.server, '[^A-Za-z0-9_-]', '_', 'g') NOT IN (SELECT server FROM used)

-- name: rework
-- Lines that a session added to a file in all, and a later one removed in all, by their text in the stored differences.
-- Lines of fewer than eight characters are like each other.
WITH changed AS (
    SELECT file_key, session_id, occurred_at, coalesce(tool_call_id, id) AS item_id, patch
    FROM activities
    WHERE patch IS NOT NULL AND {rows_of_chosen}
        AND file_key IN (SELECT file_key FROM activities WHERE {rows_of_chosen} GROUP BY file_key HAVING count(DISTINCT session_id) > 1)
),
lines AS (
    SELECT c.file_key, c.session_id, md5(substr(l.line, 2)) AS line, sum(CASE left(l.line, 1) WHEN '+' THEN 1 ELSE -1 END) AS added,
        min(c.occurred_at) AS first_at, max(c.occurred_at) AS last_at, (array_agg(c.item_id))[1] AS item_id
    FROM changed AS c
    CROSS JOIN LATERAL string_to_table(c.patch, E'\n') AS l (line)
    WHERE left(l.line, 1) IN ('+', '-') AND length(btrim(substr(l.line, 2), E' \t\r')) >= 8
    GROUP BY 1, 2, 3
)
SELECT '' AS label, f.file_path AS subject, r.session_id, sum(r.lines)::bigint AS amount, (array_agg(r.item_id))[1] AS item_id
FROM (
    SELECT r.file_key, r.session_id, least(-r.added, sum(a.added)) AS lines, r.item_id
    FROM lines AS r
    JOIN lines AS a ON a.file_key = r.file_key AND a.line = r.line AND a.session_id <> r.session_id AND a.added > 0 AND a.first_at < r.last_at
    WHERE r.added < 0
    GROUP BY r.file_key, r.session_id, r.line, r.added, r.item_id
) AS r
JOIN files AS f ON f.file_key = r.file_key
GROUP BY 2, 3

-- name: measures
-- By model, for the threads in which one model alone answered. With `split`: for all calls, before that day and from it on.
-- A first try is an edit that worked, where the thread's edit before of the same file had not failed. A retry is a call with the parameters of one that had just failed.
WITH threads AS (
    SELECT session_id, coalesce(agent_id, '') AS agent_id, occurred_at >= %(split)s::timestamptz AS is_after, min(model) AS model, count(*) AS api_calls,
        count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced_calls, sum(cost_nano_usd) / 1e9::float8 AS cost_usd
    FROM api_calls
    WHERE NOT is_advisor AND model NOT LIKE '<%%' AND {rows_of_chosen}
    GROUP BY 1, 2, 3
    HAVING %(split)s::timestamptz IS NOT NULL OR count(DISTINCT model) = 1
),
calls AS (
    SELECT session_id, agent_id, is_after, is_edit, failed, lag(failed) OVER (PARTITION BY session_id, agent_id, tool_name, same ORDER BY occurred_at, id) AS failed_before
    FROM (
        SELECT session_id, coalesce(agent_id, '') AS agent_id, occurred_at >= %(split)s::timestamptz AS is_after, occurred_at, id, tool_name, e.is_edit,
            status IN ('error', 'timeout') AND error_class IS DISTINCT FROM 'no_output' AS failed,
            CASE WHEN e.is_edit THEN parameters->>'file_path' ELSE md5(parameters::text) END AS same
        FROM tool_calls
        CROSS JOIN LATERAL (SELECT tool_name = ANY (%(editors)s::text[]) AS is_edit) AS e
        WHERE status IN ('success', 'error', 'timeout') AND {rows_of_chosen}
    ) AS c
),
of_threads AS (
    SELECT session_id, agent_id, is_after, count(*) AS tool_calls, count(*) FILTER (WHERE failed) AS failed_calls,
        count(*) FILTER (WHERE is_edit AND NOT failed) AS edits, count(*) FILTER (WHERE is_edit AND NOT failed AND failed_before IS NOT TRUE) AS first_tries,
        count(*) FILTER (WHERE NOT is_edit AND failed_before) AS retries
    FROM calls
    GROUP BY 1, 2, 3
)
SELECT CASE WHEN t.is_after IS NULL THEN t.model WHEN t.is_after THEN 'after' ELSE 'before' END AS of, count(DISTINCT t.session_id) AS sessions,
    sum(t.api_calls)::bigint AS api_calls, sum(t.unpriced_calls)::bigint AS unpriced_calls, sum(t.cost_usd) AS cost_usd,
    coalesce(sum(c.tool_calls), 0)::bigint AS tool_calls, coalesce(sum(c.failed_calls), 0)::bigint AS failed_calls, coalesce(sum(c.edits), 0)::bigint AS edits,
    coalesce(sum(c.first_tries), 0)::bigint AS first_tries, coalesce(sum(c.retries), 0)::bigint AS retries,
    sum(t.cost_usd) FILTER (WHERE c.edits > 0) / sum(c.edits) AS cost_per_edit_usd
FROM threads AS t
LEFT JOIN of_threads AS c ON c.session_id = t.session_id AND c.agent_id = t.agent_id AND c.is_after IS NOT DISTINCT FROM t.is_after
GROUP BY 1
ORDER BY min(t.is_after::integer), edits DESC, api_calls DESC
