-- name: insert_users
INSERT INTO users (name)
SELECT name FROM unnest(%(names)s::text[]) AS s (name) WHERE NOT EXISTS (SELECT FROM users AS u WHERE u.name = s.name) ORDER BY name
ON CONFLICT (name) DO NOTHING

-- name: store_quota
INSERT INTO quota_readings AS q (user_id, machine_id, key_id, account, source, kind, resets_at, used_percentage, first_read_at, last_read_at)
VALUES (%(user_id)s, %(machine_id)s, %(key_id)s, %(account)s, %(source)s, %(kind)s, %(resets_at)s, %(used_percentage)s, %(first_read_at)s, %(last_read_at)s)
ON CONFLICT (user_id, machine_id, key_id, account, source, kind, resets_at, used_percentage) DO UPDATE
SET first_read_at = least(q.first_read_at, excluded.first_read_at), last_read_at = greatest(q.last_read_at, excluded.last_read_at)
WHERE excluded.first_read_at < q.first_read_at OR excluded.last_read_at > q.last_read_at
-- A row that begins its window, or of a window that is over: in the newest one nothing is thinned.
RETURNING xmax = 0 AND (
    NOT EXISTS (
        SELECT FROM quota_readings AS o
        WHERE (o.user_id, o.machine_id, o.key_id, o.account, o.source, o.kind, o.resets_at) = (q.user_id, q.machine_id, q.key_id, q.account, q.source, q.kind, q.resets_at))
    OR EXISTS (
        SELECT FROM quota_readings AS n
        WHERE (n.user_id, n.machine_id, n.key_id, n.account, n.source, n.kind) = (q.user_id, q.machine_id, q.key_id, q.account, q.source, q.kind)
          AND n.resets_at > q.resets_at)) AS is_to_thin

-- name: thin_quota
-- Thins this window, if a later one is known, and the one before it: the highest percentage of each five points stays. So every window but the newest
-- is thin, whatever comes first: rows that go are lower than one that stays, and would go again. A row that somebody else is writing stays.
DELETE FROM quota_readings WHERE ctid IN (
    SELECT q.ctid FROM quota_readings AS q
    WHERE (q.user_id, q.machine_id, q.key_id, q.account, q.source, q.kind) = (%(user_id)s, %(machine_id)s, %(key_id)s, %(account)s, %(source)s, %(kind)s)
      AND q.resets_at IN (
          (SELECT %(resets_at)s::timestamptz WHERE EXISTS (
              SELECT FROM quota_readings AS n
              WHERE (n.user_id, n.machine_id, n.key_id, n.account, n.source, n.kind) = (%(user_id)s, %(machine_id)s, %(key_id)s, %(account)s, %(source)s, %(kind)s)
                AND n.resets_at > %(resets_at)s)),
          (SELECT max(b.resets_at) FROM quota_readings AS b
           WHERE (b.user_id, b.machine_id, b.key_id, b.account, b.source, b.kind) = (%(user_id)s, %(machine_id)s, %(key_id)s, %(account)s, %(source)s, %(kind)s)
             AND b.resets_at < %(resets_at)s))
      AND EXISTS (
          SELECT FROM quota_readings AS o
          WHERE (o.user_id, o.machine_id, o.key_id, o.account, o.source, o.kind, o.resets_at) = (q.user_id, q.machine_id, q.key_id, q.account, q.source, q.kind, q.resets_at)
            AND o.used_percentage > q.used_percentage AND ceil(o.used_percentage / 5) = ceil(q.used_percentage / 5))
    FOR UPDATE OF q SKIP LOCKED)

-- name: store_status_line
INSERT INTO status_lines AS s (session_id, read_at, model, client_version, total_cost_usd, total_duration_ms, total_api_duration_ms, lines_added,
    lines_removed, context_window_size, context_used_percentage, context_tokens, prompt_cache)
VALUES (%(session_id)s, %(read_at)s, %(model)s, %(client_version)s, %(total_cost_usd)s, %(total_duration_ms)s, %(total_api_duration_ms)s,
    %(total_lines_added)s, %(total_lines_removed)s, %(context_window_size)s, %(used_percentage)s, %(total_input_tokens)s,
    %(prompt_cache)s::jsonb)
ON CONFLICT (session_id) DO UPDATE SET read_at = excluded.read_at, model = excluded.model, client_version = excluded.client_version,
    total_cost_usd = excluded.total_cost_usd, total_duration_ms = excluded.total_duration_ms,
    total_api_duration_ms = excluded.total_api_duration_ms, lines_added = excluded.lines_added, lines_removed = excluded.lines_removed,
    context_window_size = excluded.context_window_size, context_used_percentage = excluded.context_used_percentage,
    context_tokens = excluded.context_tokens, prompt_cache = excluded.prompt_cache
WHERE excluded.read_at > s.read_at

-- name: store_process
-- If two readings have one time, the one counts that says that the process is gone.
INSERT INTO session_processes AS p (session_id, machine_id, pid, read_at, is_alive, does, does_since, heard_at)
VALUES (%(session_id)s, %(machine_id)s, %(pid)s, %(read_at)s, %(is_alive)s, %(does)s, %(does_since)s, %(heard_at)s)
ON CONFLICT (session_id, machine_id, pid) DO UPDATE SET read_at = excluded.read_at, is_alive = excluded.is_alive, does = excluded.does,
    does_since = excluded.does_since, heard_at = excluded.heard_at
WHERE (excluded.read_at, NOT excluded.is_alive) > (p.read_at, NOT p.is_alive)

-- name: left_by_processes
-- Sessions that these processes have gone on from.
SELECT DISTINCT o.session_id FROM session_processes AS p JOIN session_processes AS o USING (machine_id, pid)
WHERE p.session_id = ANY(%(session_ids)s) AND o.session_id <> ALL(%(session_ids)s) AND o.read_at < p.read_at
