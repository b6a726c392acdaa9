-- Composed by services.worker.persist.persist_batch. Do not edit: `make render-sql` writes this file.

WITH changed_messages AS (
    INSERT INTO messages AS t (
        id, session_id, project_id, user_id, occurred_at, role, agent_id, model, content, source, brought_by, received_at,
        path_project_id)
    SELECT DISTINCT ON (s.id)
        s.id, s.session_id, coalesce(sessions.project_id, projects.merged_into, projects.id, 0),
        coalesce(sessions.user_id, users.alias_of, users.id, 0), s.occurred_at, s.role, s.agent_id, s.model, s.content, s.source,
        CASE WHEN %(bringer)s <> 0 THEN ARRAY[%(bringer)s]::integer[] END, s.received_at,
        CASE WHEN sessions.session_id IS NULL AND projects.merged_into IS NOT NULL THEN projects.id END
    FROM staged_messages AS s
    LEFT JOIN sessions ON sessions.session_id = s.session_id
    LEFT JOIN projects ON projects.path_key = md5(s.project_path)::uuid
    LEFT JOIN users ON users.name = s.user_name
    WHERE NOT (s.source IS NOT DISTINCT FROM 'history.jsonl' AND s.session_id IS NOT NULL
    AND EXISTS (SELECT FROM session_facts AS f WHERE f.session_id = s.session_id AND f.source = 'transcript'))
    ORDER BY
        s.id,
        CASE WHEN %(job_number)s > 0 THEN length(s.content) END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.content COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.agent_id IS NULL) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.agent_id, '') COLLATE "C" END DESC,
        s.ctid
    ON CONFLICT (id) DO UPDATE SET
        (
            agent_id, model, content
        ) = (
            SELECT
                agent_id, model, content
            FROM (VALUES
                (true, excluded.agent_id, excluded.model, excluded.content),
                (false, t.agent_id, t.model, t.content)
            ) AS version (
                is_new, agent_id, model, content)
            WHERE is_new = ((NOT coalesce(0 >= ANY(t.brought_by), true)
             AND (%(bringer)s <= 0
                  OR (length(excluded.content), excluded.content COLLATE "C", (excluded.agent_id IS NULL),
                  coalesce(excluded.agent_id, '') COLLATE "C")
                     > (length(t.content), t.content COLLATE "C", (t.agent_id IS NULL), coalesce(t.agent_id, '') COLLATE "C")
                  OR t.id IN (SELECT id FROM renewed_ids)
                     AND ROW(excluded.agent_id, excluded.model, excluded.content)::text
                      <> ROW(t.agent_id, t.model, t.content)::text)) IS TRUE)
        ),
        brought_by = brought_too(t.brought_by, %(bringer)s)
    WHERE (%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)
      AND ((NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (%(bringer)s <= 0
            OR (length(excluded.content), excluded.content COLLATE "C", (excluded.agent_id IS NULL),
            coalesce(excluded.agent_id, '') COLLATE "C")
               > (length(t.content), t.content COLLATE "C", (t.agent_id IS NULL), coalesce(t.agent_id, '') COLLATE "C")
            OR t.id IN (SELECT id FROM renewed_ids)
               AND ROW(excluded.agent_id, excluded.model, excluded.content)::text
                <> ROW(t.agent_id, t.model, t.content)::text))
           OR NOT %(bringer)s = ANY(coalesce(t.brought_by, '{0}')))
    RETURNING
        new.session_id, new.project_id, new.user_id, new.occurred_at, new.role,
        old.id IS NOT NULL AS existed,
        (false) AS moved
),
new_messages AS (
    SELECT session_id, project_id, user_id, occurred_at, role
    FROM changed_messages WHERE NOT existed OR moved
),
changed_tool_calls AS (
    INSERT INTO tool_calls AS t (
        id, session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class,
        agent_id, started_agent, decided_at, result_left_out, result_cut_at, is_sandboxed, decision_wait_ms, decision,
        decision_source, decision_told_by, source, result, parameters, result_media, outcome, brought_by, received_at)
    SELECT DISTINCT ON (s.id)
        s.id, s.session_id, coalesce(sessions.project_id, 0), coalesce(sessions.user_id, users.alias_of, users.id, 0),
        s.occurred_at, s.tool_name, s.status, s.duration_ms, s.duration_source, s.wait_ms, s.error_class, s.agent_id,
        s.started_agent, s.decided_at, s.result_left_out, s.result_cut_at, s.is_sandboxed, s.decision_wait_ms, s.decision,
        s.decision_source, s.decision_told_by, s.source, s.result, s.parameters, s.result_media, s.outcome,
        CASE WHEN %(bringer)s <> 0 THEN ARRAY[%(bringer)s]::integer[] END, s.received_at
    FROM staged_tool_calls AS s
    LEFT JOIN sessions ON sessions.session_id = s.session_id
    LEFT JOIN users ON users.name = s.user_name
    ORDER BY
        s.id,
        CASE WHEN %(job_number)s > 0 THEN (s.status <> 'pending') END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.source IS DISTINCT FROM 'hook') END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.duration_source = 'reported', false) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.duration_ms, -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.status <> 'rejected') END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.status COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(octet_length(s.parameters::text), 0) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.wait_ms, -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(octet_length(s.result), -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.result_left_out, 0) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.result, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.result_media::text, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.error_class, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.started_agent, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.decision_told_by = 'transcript', false) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.decided_at, '-infinity') END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.decision, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.decision_source, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.decision_wait_ms, -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.is_sandboxed::int, -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.outcome::text, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.agent_id IS NULL) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.agent_id, '') COLLATE "C" END DESC,
        s.ctid
    ON CONFLICT (id) DO UPDATE SET
        (
            status, duration_ms, duration_source, wait_ms, error_class, agent_id, started_agent, decided_at, result_left_out,
            result_cut_at, is_sandboxed, decision_wait_ms, decision, decision_source, decision_told_by, source, result, parameters,
            result_media, outcome
        ) = (
            SELECT
                status, duration_ms, duration_source, wait_ms, error_class, agent_id, started_agent, decided_at, result_left_out,
                result_cut_at, is_sandboxed, decision_wait_ms, decision, decision_source, decision_told_by, source, result, parameters,
                result_media, outcome
            FROM (VALUES
                (true, excluded.status, excluded.duration_ms, excluded.duration_source, excluded.wait_ms, excluded.error_class,
                excluded.agent_id, excluded.started_agent, excluded.decided_at, excluded.result_left_out, excluded.result_cut_at,
                excluded.is_sandboxed, excluded.decision_wait_ms, excluded.decision, excluded.decision_source, excluded.decision_told_by,
                excluded.source, excluded.result, excluded.parameters, excluded.result_media, excluded.outcome),
                (false, t.status, t.duration_ms, t.duration_source, t.wait_ms, t.error_class, t.agent_id, t.started_agent, t.decided_at,
                t.result_left_out, t.result_cut_at, t.is_sandboxed, t.decision_wait_ms, t.decision, t.decision_source,
                t.decision_told_by, t.source, t.result, t.parameters, t.result_media, t.outcome)
            ) AS version (
                is_new, status, duration_ms, duration_source, wait_ms, error_class, agent_id, started_agent, decided_at, result_left_out,
                result_cut_at, is_sandboxed, decision_wait_ms, decision, decision_source, decision_told_by, source, result, parameters,
                result_media, outcome)
            WHERE is_new = ((NOT coalesce(0 >= ANY(t.brought_by), true)
             AND (%(bringer)s <= 0
                  OR ((excluded.status <> 'pending'), (excluded.source IS DISTINCT FROM 'hook'),
                  coalesce(excluded.duration_source = 'reported', false), coalesce(excluded.duration_ms, -1),
                  (excluded.status <> 'rejected'), excluded.status COLLATE "C", coalesce(octet_length(excluded.parameters::text), 0),
                  coalesce(excluded.wait_ms, -1), coalesce(octet_length(excluded.result), -1), coalesce(excluded.result_left_out, 0),
                  coalesce(excluded.result, '') COLLATE "C", coalesce(excluded.result_media::text, '') COLLATE "C",
                  coalesce(excluded.error_class, '') COLLATE "C", coalesce(excluded.started_agent, '') COLLATE "C",
                  coalesce(excluded.decision_told_by = 'transcript', false), coalesce(excluded.decided_at, '-infinity'),
                  coalesce(excluded.decision, '') COLLATE "C", coalesce(excluded.decision_source, '') COLLATE "C",
                  coalesce(excluded.decision_wait_ms, -1), coalesce(excluded.is_sandboxed::int, -1),
                  coalesce(excluded.outcome::text, '') COLLATE "C", (excluded.agent_id IS NULL),
                  coalesce(excluded.agent_id, '') COLLATE "C")
                     > ((t.status <> 'pending'), (t.source IS DISTINCT FROM 'hook'), coalesce(t.duration_source = 'reported', false),
                     coalesce(t.duration_ms, -1), (t.status <> 'rejected'), t.status COLLATE "C",
                     coalesce(octet_length(t.parameters::text), 0), coalesce(t.wait_ms, -1), coalesce(octet_length(t.result), -1),
                     coalesce(t.result_left_out, 0), coalesce(t.result, '') COLLATE "C", coalesce(t.result_media::text, '') COLLATE "C",
                     coalesce(t.error_class, '') COLLATE "C", coalesce(t.started_agent, '') COLLATE "C",
                     coalesce(t.decision_told_by = 'transcript', false), coalesce(t.decided_at, '-infinity'),
                     coalesce(t.decision, '') COLLATE "C", coalesce(t.decision_source, '') COLLATE "C", coalesce(t.decision_wait_ms, -1),
                     coalesce(t.is_sandboxed::int, -1), coalesce(t.outcome::text, '') COLLATE "C", (t.agent_id IS NULL),
                     coalesce(t.agent_id, '') COLLATE "C")
                  OR t.id IN (SELECT id FROM renewed_ids)
                     AND ROW(excluded.status, excluded.duration_ms, excluded.duration_source, excluded.wait_ms, excluded.error_class,
                     excluded.agent_id, excluded.started_agent, excluded.decided_at, excluded.result_left_out, excluded.result_cut_at,
                     excluded.is_sandboxed, excluded.decision_wait_ms, excluded.decision, excluded.decision_source, excluded.decision_told_by,
                     excluded.source, excluded.result, excluded.parameters, excluded.result_media, excluded.outcome)::text
                      <> ROW(t.status, t.duration_ms, t.duration_source, t.wait_ms, t.error_class, t.agent_id, t.started_agent, t.decided_at,
                      t.result_left_out, t.result_cut_at, t.is_sandboxed, t.decision_wait_ms, t.decision, t.decision_source,
                      t.decision_told_by, t.source, t.result, t.parameters, t.result_media, t.outcome)::text)) IS TRUE)
        ),
        brought_by = brought_too(t.brought_by, %(bringer)s)
    WHERE (%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)
      AND ((NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (%(bringer)s <= 0
            OR ((excluded.status <> 'pending'), (excluded.source IS DISTINCT FROM 'hook'),
            coalesce(excluded.duration_source = 'reported', false), coalesce(excluded.duration_ms, -1),
            (excluded.status <> 'rejected'), excluded.status COLLATE "C", coalesce(octet_length(excluded.parameters::text), 0),
            coalesce(excluded.wait_ms, -1), coalesce(octet_length(excluded.result), -1), coalesce(excluded.result_left_out, 0),
            coalesce(excluded.result, '') COLLATE "C", coalesce(excluded.result_media::text, '') COLLATE "C",
            coalesce(excluded.error_class, '') COLLATE "C", coalesce(excluded.started_agent, '') COLLATE "C",
            coalesce(excluded.decision_told_by = 'transcript', false), coalesce(excluded.decided_at, '-infinity'),
            coalesce(excluded.decision, '') COLLATE "C", coalesce(excluded.decision_source, '') COLLATE "C",
            coalesce(excluded.decision_wait_ms, -1), coalesce(excluded.is_sandboxed::int, -1),
            coalesce(excluded.outcome::text, '') COLLATE "C", (excluded.agent_id IS NULL),
            coalesce(excluded.agent_id, '') COLLATE "C")
               > ((t.status <> 'pending'), (t.source IS DISTINCT FROM 'hook'), coalesce(t.duration_source = 'reported', false),
               coalesce(t.duration_ms, -1), (t.status <> 'rejected'), t.status COLLATE "C",
               coalesce(octet_length(t.parameters::text), 0), coalesce(t.wait_ms, -1), coalesce(octet_length(t.result), -1),
               coalesce(t.result_left_out, 0), coalesce(t.result, '') COLLATE "C", coalesce(t.result_media::text, '') COLLATE "C",
               coalesce(t.error_class, '') COLLATE "C", coalesce(t.started_agent, '') COLLATE "C",
               coalesce(t.decision_told_by = 'transcript', false), coalesce(t.decided_at, '-infinity'),
               coalesce(t.decision, '') COLLATE "C", coalesce(t.decision_source, '') COLLATE "C", coalesce(t.decision_wait_ms, -1),
               coalesce(t.is_sandboxed::int, -1), coalesce(t.outcome::text, '') COLLATE "C", (t.agent_id IS NULL),
               coalesce(t.agent_id, '') COLLATE "C")
            OR t.id IN (SELECT id FROM renewed_ids)
               AND ROW(excluded.status, excluded.duration_ms, excluded.duration_source, excluded.wait_ms, excluded.error_class,
               excluded.agent_id, excluded.started_agent, excluded.decided_at, excluded.result_left_out, excluded.result_cut_at,
               excluded.is_sandboxed, excluded.decision_wait_ms, excluded.decision, excluded.decision_source, excluded.decision_told_by,
               excluded.source, excluded.result, excluded.parameters, excluded.result_media, excluded.outcome)::text
                <> ROW(t.status, t.duration_ms, t.duration_source, t.wait_ms, t.error_class, t.agent_id, t.started_agent, t.decided_at,
                t.result_left_out, t.result_cut_at, t.is_sandboxed, t.decision_wait_ms, t.decision, t.decision_source,
                t.decision_told_by, t.source, t.result, t.parameters, t.result_media, t.outcome)::text))
           OR NOT %(bringer)s = ANY(coalesce(t.brought_by, '{0}')))
    RETURNING
        new.session_id, new.project_id, new.user_id, new.occurred_at, new.tool_name, old.status AS old_status, new.status,
        old.duration_ms AS old_duration_ms, new.duration_ms, old.duration_source AS old_duration_source, new.duration_source,
        old.wait_ms AS old_wait_ms, new.wait_ms, old.error_class AS old_error_class, new.error_class,
        old.id IS NOT NULL AS existed,
        (old.status IS DISTINCT FROM new.status
        OR old.duration_ms IS DISTINCT FROM new.duration_ms
        OR old.duration_source IS DISTINCT FROM new.duration_source
        OR old.wait_ms IS DISTINCT FROM new.wait_ms
        OR old.error_class IS DISTINCT FROM new.error_class) AS moved
),
new_tool_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
    FROM changed_tool_calls WHERE NOT existed OR moved
),
gone_tool_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, tool_name, old_status AS status, old_duration_ms AS duration_ms,
    old_duration_source AS duration_source, old_wait_ms AS wait_ms, old_error_class AS error_class
    FROM changed_tool_calls WHERE existed AND moved
),
changed_activities AS (
    INSERT INTO activities AS t (
        id, session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed, agent_id, tool_call_id,
        is_estimated, patch_left_out, action, source, patch, brought_by, received_at)
    SELECT DISTINCT ON (s.id)
        s.id, s.session_id, coalesce(sessions.project_id, 0), coalesce(sessions.user_id, 0), s.occurred_at, s.file_key,
        s.lines_added, s.lines_removed, s.agent_id, s.tool_call_id, s.is_estimated, s.patch_left_out, s.action, s.source,
        s.patch, CASE WHEN %(bringer)s <> 0 THEN ARRAY[%(bringer)s]::integer[] END, s.received_at
    FROM staged_activities AS s
    LEFT JOIN sessions ON sessions.session_id = s.session_id
    ORDER BY
        s.id,
        CASE WHEN %(job_number)s > 0 THEN NOT s.is_estimated END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.source IS DISTINCT FROM 'hook') END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.lines_added END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.lines_removed END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.action COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(octet_length(s.patch), -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.patch_left_out, 0) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.patch, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.tool_call_id, '00000000-0000-0000-0000-000000000000') END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.agent_id IS NULL) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.agent_id, '') COLLATE "C" END DESC,
        s.ctid
    ON CONFLICT (id) DO UPDATE SET
        (
            lines_added, lines_removed, agent_id, tool_call_id, is_estimated, patch_left_out, action, source, patch
        ) = (
            SELECT
                lines_added, lines_removed, agent_id, tool_call_id, is_estimated, patch_left_out, action, source, patch
            FROM (VALUES
                (true, excluded.lines_added, excluded.lines_removed, excluded.agent_id, excluded.tool_call_id, excluded.is_estimated,
                excluded.patch_left_out, excluded.action, excluded.source, excluded.patch),
                (false, t.lines_added, t.lines_removed, t.agent_id, t.tool_call_id, t.is_estimated, t.patch_left_out, t.action, t.source,
                t.patch)
            ) AS version (
                is_new, lines_added, lines_removed, agent_id, tool_call_id, is_estimated, patch_left_out, action, source, patch)
            WHERE is_new = ((NOT coalesce(0 >= ANY(t.brought_by), true)
             AND (%(bringer)s <= 0
                  OR (NOT excluded.is_estimated, (excluded.source IS DISTINCT FROM 'hook'), excluded.lines_added, excluded.lines_removed,
                  excluded.action COLLATE "C", coalesce(octet_length(excluded.patch), -1), coalesce(excluded.patch_left_out, 0),
                  coalesce(excluded.patch, '') COLLATE "C", coalesce(excluded.tool_call_id, '00000000-0000-0000-0000-000000000000'),
                  (excluded.agent_id IS NULL), coalesce(excluded.agent_id, '') COLLATE "C")
                     > (NOT t.is_estimated, (t.source IS DISTINCT FROM 'hook'), t.lines_added, t.lines_removed, t.action COLLATE "C",
                     coalesce(octet_length(t.patch), -1), coalesce(t.patch_left_out, 0), coalesce(t.patch, '') COLLATE "C",
                     coalesce(t.tool_call_id, '00000000-0000-0000-0000-000000000000'), (t.agent_id IS NULL),
                     coalesce(t.agent_id, '') COLLATE "C")
                  OR t.id IN (SELECT id FROM renewed_ids)
                     AND ROW(excluded.lines_added, excluded.lines_removed, excluded.agent_id, excluded.tool_call_id, excluded.is_estimated,
                     excluded.patch_left_out, excluded.action, excluded.source, excluded.patch)::text
                      <> ROW(t.lines_added, t.lines_removed, t.agent_id, t.tool_call_id, t.is_estimated, t.patch_left_out, t.action, t.source,
                      t.patch)::text)) IS TRUE)
        ),
        brought_by = brought_too(t.brought_by, %(bringer)s)
    WHERE (%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)
      AND ((NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (%(bringer)s <= 0
            OR (NOT excluded.is_estimated, (excluded.source IS DISTINCT FROM 'hook'), excluded.lines_added, excluded.lines_removed,
            excluded.action COLLATE "C", coalesce(octet_length(excluded.patch), -1), coalesce(excluded.patch_left_out, 0),
            coalesce(excluded.patch, '') COLLATE "C", coalesce(excluded.tool_call_id, '00000000-0000-0000-0000-000000000000'),
            (excluded.agent_id IS NULL), coalesce(excluded.agent_id, '') COLLATE "C")
               > (NOT t.is_estimated, (t.source IS DISTINCT FROM 'hook'), t.lines_added, t.lines_removed, t.action COLLATE "C",
               coalesce(octet_length(t.patch), -1), coalesce(t.patch_left_out, 0), coalesce(t.patch, '') COLLATE "C",
               coalesce(t.tool_call_id, '00000000-0000-0000-0000-000000000000'), (t.agent_id IS NULL),
               coalesce(t.agent_id, '') COLLATE "C")
            OR t.id IN (SELECT id FROM renewed_ids)
               AND ROW(excluded.lines_added, excluded.lines_removed, excluded.agent_id, excluded.tool_call_id, excluded.is_estimated,
               excluded.patch_left_out, excluded.action, excluded.source, excluded.patch)::text
                <> ROW(t.lines_added, t.lines_removed, t.agent_id, t.tool_call_id, t.is_estimated, t.patch_left_out, t.action, t.source,
                t.patch)::text))
           OR NOT %(bringer)s = ANY(coalesce(t.brought_by, '{0}')))
    RETURNING
        new.session_id, new.project_id, new.user_id, new.occurred_at, new.file_key,
        old.lines_added AS old_lines_added, new.lines_added, old.lines_removed AS old_lines_removed, new.lines_removed,
        old.id IS NOT NULL AS existed,
        (old.lines_added IS DISTINCT FROM new.lines_added
        OR old.lines_removed IS DISTINCT FROM new.lines_removed) AS moved
),
new_activities AS (
    SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
    FROM changed_activities WHERE NOT existed OR moved
),
gone_activities AS (
    SELECT session_id, project_id, user_id, occurred_at, file_key, old_lines_added AS lines_added,
    old_lines_removed AS lines_removed
    FROM changed_activities WHERE existed AND moved
),
changed_api_calls AS (
    INSERT INTO api_calls AS t (
        id, session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd, agent_id, web_searches,
        is_fast, is_advisor, cache_write_nano_usd, thinking_ms, price_version, effort, inference_geo, source, brought_by,
        received_at)
    SELECT DISTINCT ON (s.id)
        s.id, s.session_id, coalesce(sessions.project_id, 0), coalesce(sessions.user_id, 0), s.occurred_at, s.model,
        s.input_tokens, s.output_tokens, s.cache_write_5m_tokens, s.cache_write_1h_tokens, s.cache_read_tokens, s.cost_nano_usd,
        s.uncached_nano_usd, s.cache_saved_nano_usd, s.agent_id, s.web_searches, s.is_fast, s.is_advisor, s.cache_write_nano_usd,
        s.thinking_ms, s.price_version, s.effort, s.inference_geo, s.source,
        CASE WHEN %(bringer)s <> 0 THEN ARRAY[%(bringer)s]::integer[] END, s.received_at
    FROM staged_api_calls AS s
    LEFT JOIN sessions ON sessions.session_id = s.session_id
    ORDER BY
        s.id,
        CASE WHEN %(job_number)s > 0 THEN s.output_tokens END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.input_tokens END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.cache_read_tokens END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.cache_write_1h_tokens END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.cache_write_5m_tokens END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.web_searches END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.is_fast END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.inference_geo, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.is_advisor END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.thinking_ms, -1) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.effort, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.agent_id IS NULL) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.agent_id, '') COLLATE "C" END DESC,
        s.ctid
    ON CONFLICT (id) DO UPDATE SET
        (
            input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, cost_nano_usd,
            uncached_nano_usd, cache_saved_nano_usd, agent_id, web_searches, is_fast, is_advisor, cache_write_nano_usd, thinking_ms,
            price_version, effort, inference_geo
        ) = (
            SELECT
                input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, cost_nano_usd,
                uncached_nano_usd, cache_saved_nano_usd, agent_id, web_searches, is_fast, is_advisor, cache_write_nano_usd, thinking_ms,
                price_version, effort, inference_geo
            FROM (VALUES
                (true, excluded.input_tokens, excluded.output_tokens, excluded.cache_write_5m_tokens, excluded.cache_write_1h_tokens,
                excluded.cache_read_tokens, excluded.cost_nano_usd, excluded.uncached_nano_usd, excluded.cache_saved_nano_usd,
                excluded.agent_id, excluded.web_searches, excluded.is_fast, excluded.is_advisor, excluded.cache_write_nano_usd,
                excluded.thinking_ms, excluded.price_version, excluded.effort, excluded.inference_geo),
                (false, t.input_tokens, t.output_tokens, t.cache_write_5m_tokens, t.cache_write_1h_tokens, t.cache_read_tokens, t.cost_nano_usd,
                t.uncached_nano_usd, t.cache_saved_nano_usd, t.agent_id, t.web_searches, t.is_fast, t.is_advisor, t.cache_write_nano_usd,
                t.thinking_ms, t.price_version, t.effort, t.inference_geo)
            ) AS version (
                is_new, input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, cost_nano_usd,
                uncached_nano_usd, cache_saved_nano_usd, agent_id, web_searches, is_fast, is_advisor, cache_write_nano_usd, thinking_ms,
                price_version, effort, inference_geo)
            WHERE is_new = ((NOT coalesce(0 >= ANY(t.brought_by), true)
             AND (%(bringer)s <= 0
                  OR (excluded.output_tokens, excluded.input_tokens, excluded.cache_read_tokens, excluded.cache_write_1h_tokens,
                  excluded.cache_write_5m_tokens, excluded.web_searches, excluded.is_fast,
                  coalesce(excluded.inference_geo, '') COLLATE "C", excluded.is_advisor, coalesce(excluded.thinking_ms, -1),
                  coalesce(excluded.effort, '') COLLATE "C", (excluded.agent_id IS NULL), coalesce(excluded.agent_id, '') COLLATE "C")
                     > (t.output_tokens, t.input_tokens, t.cache_read_tokens, t.cache_write_1h_tokens, t.cache_write_5m_tokens, t.web_searches,
                     t.is_fast, coalesce(t.inference_geo, '') COLLATE "C", t.is_advisor, coalesce(t.thinking_ms, -1),
                     coalesce(t.effort, '') COLLATE "C", (t.agent_id IS NULL), coalesce(t.agent_id, '') COLLATE "C")
                  OR t.id IN (SELECT id FROM renewed_ids)
                     AND ROW(excluded.input_tokens, excluded.output_tokens, excluded.cache_write_5m_tokens, excluded.cache_write_1h_tokens,
                     excluded.cache_read_tokens, excluded.cost_nano_usd, excluded.uncached_nano_usd, excluded.cache_saved_nano_usd,
                     excluded.agent_id, excluded.web_searches, excluded.is_fast, excluded.is_advisor, excluded.cache_write_nano_usd,
                     excluded.thinking_ms, excluded.price_version, excluded.effort, excluded.inference_geo)::text
                      <> ROW(t.input_tokens, t.output_tokens, t.cache_write_5m_tokens, t.cache_write_1h_tokens, t.cache_read_tokens, t.cost_nano_usd,
                      t.uncached_nano_usd, t.cache_saved_nano_usd, t.agent_id, t.web_searches, t.is_fast, t.is_advisor, t.cache_write_nano_usd,
                      t.thinking_ms, t.price_version, t.effort, t.inference_geo)::text)) IS TRUE)
        ),
        brought_by = brought_too(t.brought_by, %(bringer)s)
    WHERE (%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)
      AND ((NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (%(bringer)s <= 0
            OR (excluded.output_tokens, excluded.input_tokens, excluded.cache_read_tokens, excluded.cache_write_1h_tokens,
            excluded.cache_write_5m_tokens, excluded.web_searches, excluded.is_fast,
            coalesce(excluded.inference_geo, '') COLLATE "C", excluded.is_advisor, coalesce(excluded.thinking_ms, -1),
            coalesce(excluded.effort, '') COLLATE "C", (excluded.agent_id IS NULL), coalesce(excluded.agent_id, '') COLLATE "C")
               > (t.output_tokens, t.input_tokens, t.cache_read_tokens, t.cache_write_1h_tokens, t.cache_write_5m_tokens, t.web_searches,
               t.is_fast, coalesce(t.inference_geo, '') COLLATE "C", t.is_advisor, coalesce(t.thinking_ms, -1),
               coalesce(t.effort, '') COLLATE "C", (t.agent_id IS NULL), coalesce(t.agent_id, '') COLLATE "C")
            OR t.id IN (SELECT id FROM renewed_ids)
               AND ROW(excluded.input_tokens, excluded.output_tokens, excluded.cache_write_5m_tokens, excluded.cache_write_1h_tokens,
               excluded.cache_read_tokens, excluded.cost_nano_usd, excluded.uncached_nano_usd, excluded.cache_saved_nano_usd,
               excluded.agent_id, excluded.web_searches, excluded.is_fast, excluded.is_advisor, excluded.cache_write_nano_usd,
               excluded.thinking_ms, excluded.price_version, excluded.effort, excluded.inference_geo)::text
                <> ROW(t.input_tokens, t.output_tokens, t.cache_write_5m_tokens, t.cache_write_1h_tokens, t.cache_read_tokens, t.cost_nano_usd,
                t.uncached_nano_usd, t.cache_saved_nano_usd, t.agent_id, t.web_searches, t.is_fast, t.is_advisor, t.cache_write_nano_usd,
                t.thinking_ms, t.price_version, t.effort, t.inference_geo)::text))
           OR NOT %(bringer)s = ANY(coalesce(t.brought_by, '{0}')))
    RETURNING
        new.session_id, new.project_id, new.user_id, new.occurred_at, new.model,
        old.input_tokens AS old_input_tokens, new.input_tokens, old.output_tokens AS old_output_tokens, new.output_tokens,
        old.cache_write_5m_tokens AS old_cache_write_5m_tokens, new.cache_write_5m_tokens,
        old.cache_write_1h_tokens AS old_cache_write_1h_tokens, new.cache_write_1h_tokens,
        old.cache_read_tokens AS old_cache_read_tokens, new.cache_read_tokens,
        old.cost_nano_usd AS old_cost_nano_usd, new.cost_nano_usd,
        old.uncached_nano_usd AS old_uncached_nano_usd, new.uncached_nano_usd,
        old.cache_saved_nano_usd AS old_cache_saved_nano_usd, new.cache_saved_nano_usd,
        old.id IS NOT NULL AS existed,
        (old.input_tokens IS DISTINCT FROM new.input_tokens
        OR old.output_tokens IS DISTINCT FROM new.output_tokens
        OR old.cache_write_5m_tokens IS DISTINCT FROM new.cache_write_5m_tokens
        OR old.cache_write_1h_tokens IS DISTINCT FROM new.cache_write_1h_tokens
        OR old.cache_read_tokens IS DISTINCT FROM new.cache_read_tokens
        OR old.cost_nano_usd IS DISTINCT FROM new.cost_nano_usd
        OR old.uncached_nano_usd IS DISTINCT FROM new.uncached_nano_usd
        OR old.cache_saved_nano_usd IS DISTINCT FROM new.cache_saved_nano_usd) AS moved
),
new_api_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
    FROM changed_api_calls WHERE NOT existed OR moved
),
gone_api_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, model, old_input_tokens AS input_tokens,
    old_output_tokens AS output_tokens, old_cache_write_5m_tokens AS cache_write_5m_tokens,
    old_cache_write_1h_tokens AS cache_write_1h_tokens, old_cache_read_tokens AS cache_read_tokens,
    old_cost_nano_usd AS cost_nano_usd, old_uncached_nano_usd AS uncached_nano_usd,
    old_cache_saved_nano_usd AS cache_saved_nano_usd
    FROM changed_api_calls WHERE existed AND moved
),
changed_timeline_entries AS (
    INSERT INTO timeline_entries AS t (
        id, session_id, project_id, user_id, occurred_at, kind, agent_id, content, details, source, brought_by, received_at)
    SELECT DISTINCT ON (s.id)
        s.id, s.session_id, coalesce(sessions.project_id, 0), coalesce(sessions.user_id, 0), s.occurred_at, s.kind, s.agent_id,
        s.content, s.details, s.source, CASE WHEN %(bringer)s <> 0 THEN ARRAY[%(bringer)s]::integer[] END, s.received_at
    FROM staged_timeline_entries AS s
    LEFT JOIN sessions ON sessions.session_id = s.session_id
    ORDER BY
        s.id,
        CASE WHEN %(job_number)s > 0 THEN octet_length(s.content) END DESC,
        CASE WHEN %(job_number)s > 0 THEN s.content COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.details::text, '') COLLATE "C" END DESC,
        CASE WHEN %(job_number)s > 0 THEN (s.agent_id IS NULL) END DESC,
        CASE WHEN %(job_number)s > 0 THEN coalesce(s.agent_id, '') COLLATE "C" END DESC,
        s.ctid
    ON CONFLICT (id) DO UPDATE SET
        (
            agent_id, content, details
        ) = (
            SELECT
                agent_id, content, details
            FROM (VALUES
                (true, excluded.agent_id, excluded.content, excluded.details),
                (false, t.agent_id, t.content, t.details)
            ) AS version (
                is_new, agent_id, content, details)
            WHERE is_new = ((NOT coalesce(0 >= ANY(t.brought_by), true)
             AND (%(bringer)s <= 0
                  OR (octet_length(excluded.content), excluded.content COLLATE "C", coalesce(excluded.details::text, '') COLLATE "C",
                  (excluded.agent_id IS NULL), coalesce(excluded.agent_id, '') COLLATE "C")
                     > (octet_length(t.content), t.content COLLATE "C", coalesce(t.details::text, '') COLLATE "C", (t.agent_id IS NULL),
                     coalesce(t.agent_id, '') COLLATE "C")
                  OR t.id IN (SELECT id FROM renewed_ids)
                     AND ROW(excluded.agent_id, excluded.content, excluded.details)::text
                      <> ROW(t.agent_id, t.content, t.details)::text)) IS TRUE)
        ),
        brought_by = brought_too(t.brought_by, %(bringer)s)
    WHERE (%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)
      AND ((NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (%(bringer)s <= 0
            OR (octet_length(excluded.content), excluded.content COLLATE "C", coalesce(excluded.details::text, '') COLLATE "C",
            (excluded.agent_id IS NULL), coalesce(excluded.agent_id, '') COLLATE "C")
               > (octet_length(t.content), t.content COLLATE "C", coalesce(t.details::text, '') COLLATE "C", (t.agent_id IS NULL),
               coalesce(t.agent_id, '') COLLATE "C")
            OR t.id IN (SELECT id FROM renewed_ids)
               AND ROW(excluded.agent_id, excluded.content, excluded.details)::text
                <> ROW(t.agent_id, t.content, t.details)::text))
           OR NOT %(bringer)s = ANY(coalesce(t.brought_by, '{0}')))
    RETURNING
        new.session_id, new.project_id, new.user_id, new.occurred_at, new.kind,
        old.id IS NOT NULL AS existed,
        (false) AS moved
),
new_timeline_entries AS (
    SELECT session_id, project_id, user_id, occurred_at, kind
    FROM changed_timeline_entries WHERE NOT existed OR moved
),
new_session_files AS (
    INSERT INTO session_files (session_id, file_key)
    SELECT DISTINCT session_id, file_key FROM new_activities WHERE session_id IS NOT NULL ORDER BY 1, 2
    ON CONFLICT DO NOTHING RETURNING session_id
),
new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE id = ANY(%(new_session_event_ids)s)),
new_facts AS (SELECT * FROM session_facts WHERE id = ANY(%(new_fact_ids)s)),
per_session AS (
    SELECT session_id, min(started_at) AS started_at, max(ended_at) AS ended_at,
           min(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS first_event_at,
           max(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS last_event_at,
           coalesce(range_agg(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) FILTER (WHERE isfinite(occurred_at)), '{}') AS active_ranges,
           sum(user_messages)::bigint AS user_messages, sum(assistant_messages)::bigint AS assistant_messages,
           sum(tool_calls)::bigint AS tool_calls, sum(tool_errors)::bigint AS tool_errors,
           sum(files_modified)::bigint AS files_modified, sum(lines_added)::bigint AS lines_added,
           sum(lines_removed)::bigint AS lines_removed, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
           sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(api_calls)::bigint AS api_calls,
           sum(unpriced_calls)::bigint AS unpriced_calls, sum(cost_nano_usd)::bigint AS cost_nano_usd,
           sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::bigint AS uncached_nano_usd,
           sum(cache_saved_nano_usd)::bigint AS cache_saved_nano_usd
    FROM (
        SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               (role = 'user')::int AS user_messages, (role = 'assistant')::int AS assistant_messages, 0 AS tool_calls,
               0 AS tool_errors, 0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_messages
        UNION ALL
        SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 1 AS tool_calls, (status IN ('error', 'timeout'))::int AS tool_errors,
               0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_tool_calls
        UNION ALL
        SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, -(1) AS tool_calls, -((status IN ('error', 'timeout'))::int) AS tool_errors,
               0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM gone_tool_calls
        UNION ALL
        SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified,
               lines_added AS lines_added, lines_removed AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_activities
        UNION ALL
        SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified,
               -(lines_added) AS lines_added, -(lines_removed) AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM gone_activities
        UNION ALL
        SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
               0 AS lines_removed, input_tokens AS input_tokens, output_tokens AS output_tokens,
               cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens AS cache_read_tokens,
               1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd,
               (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
               coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM new_api_calls
        UNION ALL
        SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
               0 AS lines_removed, -(input_tokens) AS input_tokens, -(output_tokens) AS output_tokens,
               -(cache_write_5m_tokens + cache_write_1h_tokens) AS cache_creation_tokens, -(cache_read_tokens) AS cache_read_tokens,
               -(1) AS api_calls, -((cost_nano_usd IS NULL)::int) AS unpriced_calls, -(coalesce(cost_nano_usd, 0)) AS cost_nano_usd,
               -((cache_saved_nano_usd IS NOT NULL)::int) AS cache_priced_calls, -(coalesce(uncached_nano_usd, 0)) AS uncached_nano_usd,
               -(coalesce(cache_saved_nano_usd, 0)) AS cache_saved_nano_usd
        FROM gone_api_calls
        UNION ALL
        SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 1 AS files_modified, 0 AS lines_added,
               0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens,
               0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
               0 AS cache_saved_nano_usd
        FROM new_session_files
        UNION ALL
        SELECT session_id, occurred_at, CASE kind WHEN 'start' THEN occurred_at END AS started_at,
        CASE kind WHEN 'end' THEN occurred_at END AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
               0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens,
               0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
               0 AS cache_saved_nano_usd
        FROM new_session_events
        UNION ALL
        SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
               0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens,
               0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
               0 AS cache_saved_nano_usd
        FROM new_facts
    ) AS added
    WHERE session_id IS NOT NULL GROUP BY session_id
),
facts_per_session AS (
    SELECT f.session_id, min(first_record_at) AS first_event_at, max(last_record_at) AS last_event_at, max(ended_at) AS ended_at,
           coalesce(range_agg(active_ranges), '{}') AS active_ranges,
           (SELECT jsonb_object_agg(key, n)
            FROM (SELECT key, max(value::bigint) AS n FROM new_facts AS g, jsonb_each_text(numbers)
                  WHERE g.session_id = f.session_id GROUP BY key) AS greatest
           ) AS snapshot
    FROM new_facts AS f GROUP BY f.session_id
),
merged AS (
    SELECT session_id, true AS counted, least(s.started_at, d.started_at) AS started_at, greatest(s.ended_at, d.ended_at, f.ended_at) AS ended_at,
           least(s.first_event_at, d.first_event_at, f.first_event_at) AS first_event_at,
           greatest(s.last_event_at, d.last_event_at, f.last_event_at) AS last_event_at,
           s.active_ranges + d.active_ranges + coalesce(f.active_ranges, '{}') AS active_ranges,
           s.user_messages + d.user_messages AS user_messages,
           s.assistant_messages + d.assistant_messages AS assistant_messages,
           s.tool_calls + d.tool_calls AS tool_calls,
           s.tool_errors + d.tool_errors AS tool_errors,
           s.files_modified + d.files_modified AS files_modified,
           CASE WHEN s.lines_from_snapshot THEN 0 ELSE s.lines_added END + d.lines_added AS lines_added,
           CASE WHEN s.lines_from_snapshot THEN 0 ELSE s.lines_removed END + d.lines_removed AS lines_removed,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.input_tokens END + d.input_tokens AS input_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.output_tokens END + d.output_tokens AS output_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.cache_creation_tokens END + d.cache_creation_tokens AS cache_creation_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.cache_read_tokens END + d.cache_read_tokens AS cache_read_tokens,
           s.api_calls + d.api_calls AS api_calls,
           s.unpriced_calls + d.unpriced_calls AS unpriced_calls,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.cost_nano_usd, 0) END + d.cost_nano_usd AS cost_nano_usd,
           s.cache_priced_calls + d.cache_priced_calls AS cache_priced_calls,
           s.uncached_nano_usd + d.uncached_nano_usd AS uncached_nano_usd,
           s.cache_saved_nano_usd + d.cache_saved_nano_usd AS cache_saved_nano_usd,
           CASE WHEN f.snapshot IS NULL THEN s.snapshot ELSE greatest_of_each(s.snapshot, f.snapshot) END AS snapshot
    FROM sessions AS s JOIN per_session AS d USING (session_id) LEFT JOIN facts_per_session AS f USING (session_id)
),
chosen AS (
    SELECT *, snapshot IS NOT NULL AND lines_added + lines_removed = 0 AS lines_from_snapshot,
           snapshot IS NOT NULL AND input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens = 0 AS usage_from_snapshot
    FROM merged
),
changed AS (
    UPDATE sessions AS s SET
        counted = c.counted,
        started_at = c.started_at, ended_at = c.ended_at, first_event_at = c.first_event_at, last_event_at = c.last_event_at,
        dated_at = coalesce(least(c.started_at, c.first_event_at), greatest(c.ended_at, c.last_event_at), '-infinity'),
        wall_us = coalesce(microseconds(greatest(c.ended_at, c.last_event_at) - least(c.started_at, c.first_event_at)), 0),
        active_ranges = c.active_ranges, active_us = measure_us(without_gap(c.active_ranges, %(idle_gap)s)),
        user_messages = c.user_messages, assistant_messages = c.assistant_messages,
        tool_calls = c.tool_calls, tool_errors = c.tool_errors, files_modified = c.files_modified,
        api_calls = c.api_calls, unpriced_calls = c.unpriced_calls, cache_priced_calls = c.cache_priced_calls,
        uncached_nano_usd = c.uncached_nano_usd, cache_saved_nano_usd = c.cache_saved_nano_usd,
        snapshot = c.snapshot, lines_from_snapshot = c.lines_from_snapshot, usage_from_snapshot = c.usage_from_snapshot,
        lines_added = CASE WHEN c.lines_from_snapshot THEN coalesce((c.snapshot->>'lines_added')::bigint, 0) ELSE c.lines_added END,
        lines_removed = CASE WHEN c.lines_from_snapshot THEN coalesce((c.snapshot->>'lines_removed')::bigint, 0) ELSE c.lines_removed END,
        input_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'input_tokens')::bigint, 0) ELSE c.input_tokens END,
        output_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'output_tokens')::bigint, 0) ELSE c.output_tokens END,
        cache_creation_tokens =
            CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'cache_creation_tokens')::bigint, 0) ELSE c.cache_creation_tokens END,
        cache_read_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'cache_read_tokens')::bigint, 0) ELSE c.cache_read_tokens END,
        cost_nano_usd = CASE WHEN c.usage_from_snapshot THEN (c.snapshot->>'cost_nano_usd')::bigint
                             WHEN c.api_calls > c.unpriced_calls THEN c.cost_nano_usd END
    FROM chosen AS c WHERE s.session_id = c.session_id
    RETURNING old AS before, new AS after
),
new_sessions AS (SELECT (after).* FROM changed),
gone_sessions AS (SELECT (before).* FROM changed),
active_gained AS (
    SELECT (after).project_id, (after).user_id,
           without_gap((after).active_ranges, %(idle_gap)s) - without_gap((before).active_ranges, %(idle_gap)s) AS ranges
    FROM changed WHERE (after).active_ranges <> (before).active_ranges
),
rolled_active_days AS (
    INSERT INTO active_days (project_id, user_id, day, ranges)
    SELECT k.project_id, g.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date, range_agg(c.piece)
    FROM active_gained AS g, cut_at_buckets(g.ranges, 1440) AS c, LATERAL (VALUES (g.project_id), (-1)) AS k (project_id)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (project_id, user_id, day) DO UPDATE SET ranges = active_days.ranges + excluded.ranges
    RETURNING new.project_id, new.user_id, new.ranges - coalesce(old.ranges, '{}') AS gained
),
active_deltas AS (
    SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
    FROM rolled_active_days, cut_at_buckets(gained, 15) AS c GROUP BY 1, 2, 3
),
file_rollups_deltas AS (
    SELECT project_id, bucket_start, file_key,
           sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
    FROM (
        SELECT
            project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, 1 AS touches, lines_added, lines_removed
        FROM new_activities
        UNION ALL
        SELECT
            project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, -(1) AS touches, -lines_added AS lines_added,
            -lines_removed AS lines_removed
        FROM gone_activities
    ) AS contributions
    GROUP BY 1, 2, 3
),
tool_rollups_deltas AS (
    SELECT project_id, user_id, bucket_start, tool_name,
           sum(calls)::bigint AS calls, sum(success)::bigint AS success, sum(errors)::bigint AS errors,
           sum(rejected)::bigint AS rejected, sum(timed_calls)::bigint AS timed_calls, sum(duration_ms)::bigint AS duration_ms,
           sum(measured_calls)::bigint AS measured_calls, sum(measured_ms)::bigint AS measured_ms,
           sum(waited_calls)::bigint AS waited_calls, sum(waited_ms)::bigint AS waited_ms, max(max_ms) AS max_ms,
           max(max_measured_ms) AS max_measured_ms, max(last_used_at) AS last_used_at, coalesce(sum(times), 0) AS times,
           coalesce(sum(measured_times), 0) AS measured_times, coalesce(sum(calls_by_quarter), 0) AS calls_by_quarter,
           coalesce(sum(errors_by_quarter), 0) AS errors_by_quarter
    FROM (
        SELECT
            project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, calls, success, errors, rejected,
            timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at,
            placed(timed_calls, latency_bucket + 1, 8) AS times, placed(measured_calls, latency_bucket + 1, 8) AS measured_times,
            placed(calls, quarter_of_week(bucket_start), 8) AS calls_by_quarter,
            placed(errors, quarter_of_week(bucket_start), 8) AS errors_by_quarter
        FROM (
            SELECT project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, tool_name, latency_bucket(duration_ms) AS latency_bucket,
                   count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
                   count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                   count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
                   max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at,
                   count(duration_ms) FILTER (WHERE duration_source = 'reported') AS measured_calls,
                   coalesce(sum(duration_ms) FILTER (WHERE duration_source = 'reported'), 0)::bigint AS measured_ms,
                   max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
                   count(wait_ms) AS waited_calls, coalesce(sum(wait_ms), 0)::bigint AS waited_ms
            FROM new_tool_calls GROUP BY project_id, user_id, bucket_of(occurred_at, 15), tool_name, latency_bucket(duration_ms)
        ) AS summed
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, -calls AS calls, -success AS success,
            -errors AS errors, -rejected AS rejected, -timed_calls AS timed_calls, -duration_ms AS duration_ms,
            -measured_calls AS measured_calls, -measured_ms AS measured_ms, -waited_calls AS waited_calls, -waited_ms AS waited_ms,
            CASE WHEN false THEN max_ms END AS max_ms, CASE WHEN false THEN max_measured_ms END AS max_measured_ms,
            CASE WHEN false THEN last_used_at END AS last_used_at, -(placed(timed_calls, latency_bucket + 1, 8)) AS times,
            -(placed(measured_calls, latency_bucket + 1, 8)) AS measured_times,
            -(placed(calls, quarter_of_week(bucket_start), 8)) AS calls_by_quarter,
            -(placed(errors, quarter_of_week(bucket_start), 8)) AS errors_by_quarter
        FROM (
            SELECT project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, tool_name, latency_bucket(duration_ms) AS latency_bucket,
                   count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
                   count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                   count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
                   max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at,
                   count(duration_ms) FILTER (WHERE duration_source = 'reported') AS measured_calls,
                   coalesce(sum(duration_ms) FILTER (WHERE duration_source = 'reported'), 0)::bigint AS measured_ms,
                   max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
                   count(wait_ms) AS waited_calls, coalesce(sum(wait_ms), 0)::bigint AS waited_ms
            FROM gone_tool_calls GROUP BY project_id, user_id, bucket_of(occurred_at, 15), tool_name, latency_bucket(duration_ms)
        ) AS summed
    ) AS contributions
    GROUP BY 1, 2, 3, 4
),
error_rollups_deltas AS (
    SELECT project_id, user_id, bucket_start, tool_name, error_class,
           sum(calls)::bigint AS calls
    FROM (
        SELECT
            project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name, coalesce(error_class, '') AS error_class,
            1 AS calls
        FROM new_tool_calls
        WHERE status NOT IN ('success', 'pending')
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name, coalesce(error_class, '') AS error_class,
            -(1) AS calls
        FROM gone_tool_calls
        WHERE status NOT IN ('success', 'pending')
    ) AS contributions
    GROUP BY 1, 2, 3, 4, 5
),
usage_rollups_deltas AS (
    SELECT project_id, user_id, bucket_start, model,
           sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
           sum(cache_creation_tokens)::bigint AS cache_creation_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
           sum(cost_nano_usd)::numeric AS cost_nano_usd, sum(api_calls)::bigint AS api_calls,
           sum(unpriced_calls)::bigint AS unpriced_calls, sum(cache_priced_calls)::bigint AS cache_priced_calls,
           sum(uncached_nano_usd)::numeric AS uncached_nano_usd, sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd
    FROM (
        SELECT
            project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, coalesce(model, '') AS model, input_tokens,
            output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            coalesce(cost_nano_usd, 0) AS cost_nano_usd, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls,
            (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
            coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM new_api_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, coalesce(model, '') AS model,
            -input_tokens AS input_tokens, -output_tokens AS output_tokens,
            -(cache_write_5m_tokens + cache_write_1h_tokens) AS cache_creation_tokens, -cache_read_tokens AS cache_read_tokens,
            -(coalesce(cost_nano_usd, 0)) AS cost_nano_usd, -(1) AS api_calls, -((cost_nano_usd IS NULL)::int) AS unpriced_calls,
            -((cache_saved_nano_usd IS NOT NULL)::int) AS cache_priced_calls, -(coalesce(uncached_nano_usd, 0)) AS uncached_nano_usd,
            -(coalesce(cache_saved_nano_usd, 0)) AS cache_saved_nano_usd
        FROM gone_api_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(dated_at, 1440) AS bucket_start, coalesce(model, '') AS model, input_tokens,
            output_tokens, cache_creation_tokens, cache_read_tokens, coalesce(cost_nano_usd, 0) AS cost_nano_usd, 0 AS api_calls,
            0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_sessions
        WHERE counted AND usage_from_snapshot
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(dated_at, 1440) AS bucket_start, coalesce(model, '') AS model,
            -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cache_creation_tokens AS cache_creation_tokens,
            -cache_read_tokens AS cache_read_tokens, -(coalesce(cost_nano_usd, 0)) AS cost_nano_usd, 0 AS api_calls,
            0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM gone_sessions
        WHERE counted AND usage_from_snapshot
    ) AS contributions
    GROUP BY 1, 2, 3, 4
),
activity_rollups_deltas AS (
    SELECT project_id, user_id, bucket_start,
           sum(sessions)::bigint AS sessions, sum(wall_us)::numeric AS wall_us, sum(user_messages)::bigint AS user_messages,
           sum(assistant_messages)::bigint AS assistant_messages, sum(lines_added)::bigint AS lines_added,
           sum(lines_removed)::bigint AS lines_removed, sum(tool_calls)::bigint AS tool_calls,
           sum(tool_errors)::bigint AS tool_errors, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
           sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(cost_nano_usd)::numeric AS cost_nano_usd,
           sum(api_calls)::bigint AS api_calls, sum(unpriced_calls)::bigint AS unpriced_calls,
           sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::numeric AS uncached_nano_usd,
           sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd
    FROM (
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us,
            (role = 'user')::int AS user_messages, (role = 'assistant')::int AS assistant_messages, 0 AS lines_added,
            0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
            0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls,
            0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_messages
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 1 AS tool_calls,
            (status IN ('error', 'timeout'))::int AS tool_errors, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
            0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls,
            0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_tool_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, -(1) AS tool_calls,
            -((status IN ('error', 'timeout'))::int) AS tool_errors, 0 AS input_tokens, 0 AS output_tokens,
            0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls,
            0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM gone_tool_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, lines_added, lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens,
            0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls,
            0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_activities
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, -lines_added AS lines_added, -lines_removed AS lines_removed, 0 AS tool_calls, 0 AS tool_errors,
            0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd,
            0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM gone_activities
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, input_tokens,
            output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            coalesce(cost_nano_usd, 0) AS cost_nano_usd, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls,
            (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
            coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM new_api_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors,
            -input_tokens AS input_tokens, -output_tokens AS output_tokens,
            -(cache_write_5m_tokens + cache_write_1h_tokens) AS cache_creation_tokens, -cache_read_tokens AS cache_read_tokens,
            -(coalesce(cost_nano_usd, 0)) AS cost_nano_usd, -(1) AS api_calls, -((cost_nano_usd IS NULL)::int) AS unpriced_calls,
            -((cache_saved_nano_usd IS NOT NULL)::int) AS cache_priced_calls, -(coalesce(uncached_nano_usd, 0)) AS uncached_nano_usd,
            -(coalesce(cache_saved_nano_usd, 0)) AS cache_saved_nano_usd
        FROM gone_api_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(dated_at, 15) AS bucket_start, 1 AS sessions, wall_us, 0 AS user_messages,
            0 AS assistant_messages, CASE WHEN lines_from_snapshot THEN lines_added ELSE 0 END AS lines_added,
            CASE WHEN lines_from_snapshot THEN lines_removed ELSE 0 END AS lines_removed, 0 AS tool_calls, 0 AS tool_errors,
            CASE WHEN usage_from_snapshot THEN coalesce(input_tokens, 0) ELSE 0 END AS input_tokens,
            CASE WHEN usage_from_snapshot THEN coalesce(output_tokens, 0) ELSE 0 END AS output_tokens,
            CASE WHEN usage_from_snapshot THEN coalesce(cache_creation_tokens, 0) ELSE 0 END AS cache_creation_tokens,
            CASE WHEN usage_from_snapshot THEN coalesce(cache_read_tokens, 0) ELSE 0 END AS cache_read_tokens,
            CASE WHEN usage_from_snapshot THEN coalesce(cost_nano_usd, 0) ELSE 0 END AS cost_nano_usd, 0 AS api_calls,
            0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM new_sessions
        WHERE counted
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(dated_at, 15) AS bucket_start, -(1) AS sessions, -wall_us AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, -(CASE WHEN lines_from_snapshot THEN lines_added ELSE 0 END) AS lines_added,
            -(CASE WHEN lines_from_snapshot THEN lines_removed ELSE 0 END) AS lines_removed, 0 AS tool_calls, 0 AS tool_errors,
            -(CASE WHEN usage_from_snapshot THEN coalesce(input_tokens, 0) ELSE 0 END) AS input_tokens,
            -(CASE WHEN usage_from_snapshot THEN coalesce(output_tokens, 0) ELSE 0 END) AS output_tokens,
            -(CASE WHEN usage_from_snapshot THEN coalesce(cache_creation_tokens, 0) ELSE 0 END) AS cache_creation_tokens,
            -(CASE WHEN usage_from_snapshot THEN coalesce(cache_read_tokens, 0) ELSE 0 END) AS cache_read_tokens,
            -(CASE WHEN usage_from_snapshot THEN coalesce(cost_nano_usd, 0) ELSE 0 END) AS cost_nano_usd, 0 AS api_calls,
            0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM gone_sessions
        WHERE counted
    ) AS contributions
    GROUP BY 1, 2, 3
),
rolled_file_rollups AS (
    INSERT INTO file_rollups (
        project_id, grain_minutes, bucket_start, file_key,
        touches, lines_added, lines_removed)
    SELECT project_id, grain_minutes, bucket_start, file_key,
           sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
    FROM (
        SELECT k.project_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, file_key,
               touches, lines_added, lines_removed
        FROM file_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, 0), (d.project_id, 15), (d.project_id, 60), (d.project_id, 1440), (d.project_id, 10080),
                 (-1, 1440), (-1, 10080)
             ) AS k (project_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, grain_minutes, bucket_start, file_key) DO UPDATE SET
        touches = file_rollups.touches + excluded.touches, lines_added = file_rollups.lines_added + excluded.lines_added,
        lines_removed = file_rollups.lines_removed + excluded.lines_removed
    RETURNING
        new.project_id, new.grain_minutes, new.bucket_start, new.file_key,
        (new.touches > 0)::int - (coalesce(old.touches, 0) > 0)::int AS files_modified
),
file_count_deltas AS (
    SELECT project_id, grain_minutes, bucket_start, files_modified FROM rolled_file_rollups WHERE files_modified <> 0
),
rolled_file_sets AS (
    INSERT INTO file_sets (project_id, grain_minutes, bucket_start, chunk, bits)
    SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
           bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
    FROM rolled_file_rollups AS c JOIN files AS f USING (file_key)
    WHERE c.files_modified <> 0 AND c.grain_minutes IN (1440, 10080)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, grain_minutes, bucket_start, chunk) DO UPDATE SET bits = file_sets.bits # excluded.bits
),
rolled_tool_rollups AS (
    INSERT INTO tool_rollups (
        project_id, user_id, grain_minutes, bucket_start, tool_name,
        calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms,
        max_measured_ms, last_used_at, times, measured_times, calls_by_quarter, errors_by_quarter)
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name,
           sum(calls)::bigint AS calls, sum(success)::bigint AS success, sum(errors)::bigint AS errors,
           sum(rejected)::bigint AS rejected, sum(timed_calls)::bigint AS timed_calls, sum(duration_ms)::bigint AS duration_ms,
           sum(measured_calls)::bigint AS measured_calls, sum(measured_ms)::bigint AS measured_ms,
           sum(waited_calls)::bigint AS waited_calls, sum(waited_ms)::bigint AS waited_ms, max(max_ms) AS max_ms,
           max(max_measured_ms) AS max_measured_ms, max(last_used_at) AS last_used_at, coalesce(sum(times), 0) AS times,
           coalesce(sum(measured_times), 0) AS measured_times, coalesce(sum(calls_by_quarter), 0) AS calls_by_quarter,
           coalesce(sum(errors_by_quarter), 0) AS errors_by_quarter
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, tool_name,
               calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms,
               max_measured_ms, last_used_at, times, measured_times,
               CASE k.grain_minutes WHEN 10080 THEN calls_by_quarter END AS calls_by_quarter,
               CASE k.grain_minutes WHEN 10080 THEN errors_by_quarter END AS errors_by_quarter
        FROM tool_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                 (d.project_id, -1, 0), (d.project_id, -1, 1440), (d.project_id, -1, 10080),
                 (-1, d.user_id, 0), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                 (-1, -1, 0), (-1, -1, 1440), (-1, -1, 10080)
             ) AS k (project_id, user_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name) DO UPDATE SET
        calls = tool_rollups.calls + excluded.calls, success = tool_rollups.success + excluded.success,
        errors = tool_rollups.errors + excluded.errors, rejected = tool_rollups.rejected + excluded.rejected,
        timed_calls = tool_rollups.timed_calls + excluded.timed_calls,
        duration_ms = tool_rollups.duration_ms + excluded.duration_ms,
        measured_calls = tool_rollups.measured_calls + excluded.measured_calls,
        measured_ms = tool_rollups.measured_ms + excluded.measured_ms,
        waited_calls = tool_rollups.waited_calls + excluded.waited_calls,
        waited_ms = tool_rollups.waited_ms + excluded.waited_ms, max_ms = greatest(tool_rollups.max_ms, excluded.max_ms),
        max_measured_ms = greatest(tool_rollups.max_measured_ms, excluded.max_measured_ms),
        last_used_at = greatest(tool_rollups.last_used_at, excluded.last_used_at), times = tool_rollups.times + excluded.times,
        measured_times = tool_rollups.measured_times + excluded.measured_times,
        calls_by_quarter = tool_rollups.calls_by_quarter + excluded.calls_by_quarter,
        errors_by_quarter = tool_rollups.errors_by_quarter + excluded.errors_by_quarter
),
rolled_error_rollups AS (
    INSERT INTO error_rollups (
        project_id, user_id, grain_minutes, bucket_start, tool_name, error_class,
        calls)
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, error_class,
           sum(calls)::bigint AS calls
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, tool_name, error_class,
               calls
        FROM error_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                 (d.project_id, -1, 0), (d.project_id, -1, 1440), (d.project_id, -1, 10080),
                 (-1, d.user_id, 0), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                 (-1, -1, 0), (-1, -1, 1440), (-1, -1, 10080)
             ) AS k (project_id, user_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4, 5, 6
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class) DO UPDATE SET
        calls = error_rollups.calls + excluded.calls
),
rolled_usage_rollups AS (
    INSERT INTO usage_rollups (
        project_id, user_id, grain_minutes, bucket_start, model,
        input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
        cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
    SELECT project_id, user_id, grain_minutes, bucket_start, model,
           sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
           sum(cache_creation_tokens)::bigint AS cache_creation_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
           sum(cost_nano_usd)::numeric AS cost_nano_usd, sum(api_calls)::bigint AS api_calls,
           sum(unpriced_calls)::bigint AS unpriced_calls, sum(cache_priced_calls)::bigint AS cache_priced_calls,
           sum(uncached_nano_usd)::numeric AS uncached_nano_usd, sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, model,
               input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
               cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
        FROM usage_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440),
                 (-1, -1, 0), (-1, -1, 1440)
             ) AS k (project_id, user_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, model) DO UPDATE SET
        input_tokens = usage_rollups.input_tokens + excluded.input_tokens,
        output_tokens = usage_rollups.output_tokens + excluded.output_tokens,
        cache_creation_tokens = usage_rollups.cache_creation_tokens + excluded.cache_creation_tokens,
        cache_read_tokens = usage_rollups.cache_read_tokens + excluded.cache_read_tokens,
        cost_nano_usd = usage_rollups.cost_nano_usd + excluded.cost_nano_usd,
        api_calls = usage_rollups.api_calls + excluded.api_calls,
        unpriced_calls = usage_rollups.unpriced_calls + excluded.unpriced_calls,
        cache_priced_calls = usage_rollups.cache_priced_calls + excluded.cache_priced_calls,
        uncached_nano_usd = usage_rollups.uncached_nano_usd + excluded.uncached_nano_usd,
        cache_saved_nano_usd = usage_rollups.cache_saved_nano_usd + excluded.cache_saved_nano_usd
),
rolled_activity_rollups AS (
    INSERT INTO activity_rollups (
        project_id, user_id, grain_minutes, bucket_start,
        sessions, wall_us, active_us, user_messages, assistant_messages, files_modified, lines_added, lines_removed, tool_calls,
        tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
        unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd, active_by_quarter)
    SELECT project_id, user_id, grain_minutes, bucket_start,
           sum(sessions)::bigint AS sessions, sum(wall_us)::numeric AS wall_us, sum(active_us)::numeric AS active_us,
           sum(user_messages)::bigint AS user_messages, sum(assistant_messages)::bigint AS assistant_messages,
           sum(files_modified)::bigint AS files_modified, sum(lines_added)::bigint AS lines_added,
           sum(lines_removed)::bigint AS lines_removed, sum(tool_calls)::bigint AS tool_calls,
           sum(tool_errors)::bigint AS tool_errors, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
           sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(cost_nano_usd)::numeric AS cost_nano_usd,
           sum(api_calls)::bigint AS api_calls, sum(unpriced_calls)::bigint AS unpriced_calls,
           sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::numeric AS uncached_nano_usd,
           sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd, coalesce(sum(active_by_quarter), 0) AS active_by_quarter
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start,
               sessions, wall_us, 0 AS active_us, user_messages, assistant_messages, 0 AS files_modified, lines_added, lines_removed,
               tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
               unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd, NULL::numeric AS active_by_quarter
        FROM activity_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 15), (d.project_id, d.user_id, 60),
                 (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                 (d.project_id, -1, 0), (d.project_id, -1, 15), (d.project_id, -1, 60), (d.project_id, -1, 1440),
                 (d.project_id, -1, 10080),
                 (-1, d.user_id, 0), (-1, d.user_id, 15), (-1, d.user_id, 60), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                 (-1, -1, 0), (-1, -1, 15), (-1, -1, 60), (-1, -1, 1440), (-1, -1, 10080)
             ) AS k (project_id, user_id, grain_minutes)
        UNION ALL
        SELECT project_id, user_id, grain_minutes, bucket_start,
               0 AS sessions, 0 AS wall_us, active_us, 0 AS user_messages, 0 AS assistant_messages, 0 AS files_modified,
               0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, active_by_quarter
        FROM (
            SELECT d.project_id, k.user_id, g.grain_minutes, bucket_of(d.bucket_start, g.grain_minutes) AS bucket_start, active_us,
                   CASE g.grain_minutes WHEN 10080 THEN placed(active_us, quarter_of_week(d.bucket_start), 16) END AS active_by_quarter
            FROM active_deltas AS d, (VALUES (0), (15), (60), (1440), (10080)) AS g (grain_minutes),
                 LATERAL (VALUES (d.user_id), (-1)) AS k (user_id)
        ) AS cells
        UNION ALL
        SELECT project_id, user_id, grain_minutes, bucket_start,
               0 AS sessions, 0 AS wall_us, 0 AS active_us, 0 AS user_messages, 0 AS assistant_messages, files_modified,
               0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, NULL::numeric AS active_by_quarter
        FROM (
            SELECT k.project_id, -1::bigint AS user_id, d.grain_minutes, d.bucket_start, files_modified
            FROM file_count_deltas AS d, LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)
            WHERE d.project_id <> -1
        ) AS cells
    ) AS cells
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start) DO UPDATE SET
        sessions = activity_rollups.sessions + excluded.sessions, wall_us = activity_rollups.wall_us + excluded.wall_us,
        active_us = activity_rollups.active_us + excluded.active_us,
        user_messages = activity_rollups.user_messages + excluded.user_messages,
        assistant_messages = activity_rollups.assistant_messages + excluded.assistant_messages,
        files_modified = activity_rollups.files_modified + excluded.files_modified,
        lines_added = activity_rollups.lines_added + excluded.lines_added,
        lines_removed = activity_rollups.lines_removed + excluded.lines_removed,
        tool_calls = activity_rollups.tool_calls + excluded.tool_calls,
        tool_errors = activity_rollups.tool_errors + excluded.tool_errors,
        input_tokens = activity_rollups.input_tokens + excluded.input_tokens,
        output_tokens = activity_rollups.output_tokens + excluded.output_tokens,
        cache_creation_tokens = activity_rollups.cache_creation_tokens + excluded.cache_creation_tokens,
        cache_read_tokens = activity_rollups.cache_read_tokens + excluded.cache_read_tokens,
        cost_nano_usd = activity_rollups.cost_nano_usd + excluded.cost_nano_usd,
        api_calls = activity_rollups.api_calls + excluded.api_calls,
        unpriced_calls = activity_rollups.unpriced_calls + excluded.unpriced_calls,
        cache_priced_calls = activity_rollups.cache_priced_calls + excluded.cache_priced_calls,
        uncached_nano_usd = activity_rollups.uncached_nano_usd + excluded.uncached_nano_usd,
        cache_saved_nano_usd = activity_rollups.cache_saved_nano_usd + excluded.cache_saved_nano_usd,
        active_by_quarter = activity_rollups.active_by_quarter + excluded.active_by_quarter
)
SELECT (SELECT count(*) FROM changed_messages WHERE NOT existed) AS messages,
(SELECT count(*) FROM changed_tool_calls WHERE NOT existed) AS tool_calls,
(SELECT count(*) FROM changed_activities WHERE NOT existed) AS activities,
(SELECT count(*) FROM changed_api_calls WHERE NOT existed) AS api_calls,
(SELECT count(*) FROM changed_timeline_entries WHERE NOT existed) AS timeline_entries,
       (SELECT count(*) FROM changed_tool_calls WHERE existed
           AND (old_duration_ms > coalesce(duration_ms, -1)
                OR (old_duration_ms IS NOT NULL AND old_duration_source = 'reported' AND duration_source IS DISTINCT FROM 'reported'))
       ) AS slower_before,
       (SELECT count(*) FROM changed WHERE NOT (before).counted) AS sessions,
       (SELECT count(*) FROM changed WHERE (before).counted AND (before).snapshot IS DISTINCT FROM (after).snapshot) AS sessions_updated,
       (SELECT array_agg(DISTINCT (after).project_id ORDER BY (after).project_id)
        FROM changed WHERE (before).dated_at <> (after).dated_at OR NOT (before).counted) AS redated_projects;
