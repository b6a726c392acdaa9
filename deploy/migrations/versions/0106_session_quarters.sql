-- What the rows of a session count for, by quarter of an hour (docs/adr/0115-what-rows-count-for-stands-by-session.md). Triggers keep it: whoever changes a row changes it in
-- the same transaction, and has nothing to say about it.
CREATE TABLE session_quarters (
    session_id            text NOT NULL,         -- '': rows that name no session
    bucket_start          timestamptz NOT NULL,  -- '-infinity': rows without a date
    project_id            bigint NOT NULL,       -- of its rows: 0 not known
    user_id               bigint NOT NULL,
    counted_rows          bigint NOT NULL,       -- without any, the row is deleted
    user_messages         bigint NOT NULL DEFAULT 0,
    assistant_messages    bigint NOT NULL DEFAULT 0,
    tool_calls            bigint NOT NULL DEFAULT 0,
    tool_errors           bigint NOT NULL DEFAULT 0,
    lines_added           bigint NOT NULL DEFAULT 0,
    lines_removed         bigint NOT NULL DEFAULT 0,
    input_tokens          bigint NOT NULL DEFAULT 0,
    output_tokens         bigint NOT NULL DEFAULT 0,
    cache_creation_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens     bigint NOT NULL DEFAULT 0,
    api_calls             bigint NOT NULL DEFAULT 0,
    unpriced_calls        bigint NOT NULL DEFAULT 0,
    cache_priced_calls    bigint NOT NULL DEFAULT 0,
    -- Sums that a bigint might not hold are numeric (docs/adr/0027).
    cost_nano_usd         numeric NOT NULL DEFAULT 0,
    uncached_nano_usd     numeric NOT NULL DEFAULT 0,
    cache_saved_nano_usd  numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, bucket_start, project_id, user_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE POLICY bound ON session_quarters FOR SELECT TO tracker_bound USING (
    ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])
        OR (SELECT shares_sessions())
            AND EXISTS (SELECT FROM sessions AS s WHERE s.session_id = session_quarters.session_id OFFSET 0)));
ALTER TABLE session_quarters ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON session_quarters TO tracker_bound;

-- Counts the rows of a table by session and quarter from now on: for each way to change it a trigger adds what came and takes off what went. Then it adds
-- the rows that are stored. `measures`: columns of session_quarters, each with the SQL over a row that it is the sum of.
-- To make a trigger waits until nobody writes into the table, and nobody does until this is committed: ten seconds for seven million rows.
CREATE FUNCTION count_by_session(counted name, measures text[], expressions text[]) RETURNS void LANGUAGE plpgsql AS $make$
DECLARE
    -- In the order of the keys, as every transaction does it. A row that only got another text changes nothing.
    add_changed text := format($add$
        INSERT INTO session_quarters AS q (session_id, bucket_start, project_id, user_id, counted_rows, %s)
        SELECT coalesce(session_id, ''), bucket_of(occurred_at, 15), project_id, user_id, sum(sign), %s
        FROM ($changed) AS changed
        GROUP BY 1, 2, 3, 4 HAVING (sum(sign), %2$s) <> (0, %3$s) ORDER BY 1, 2, 3, 4
        ON CONFLICT (session_id, bucket_start, project_id, user_id) DO UPDATE SET counted_rows = q.counted_rows + excluded.counted_rows, %4$s
        $add$,
        array_to_string(measures, ', '),
        (SELECT string_agg(format('sum(sign * (%s))', each), ', ') FROM unnest(expressions) AS each),
        (SELECT string_agg('0', ', ') FROM unnest(expressions) AS each),
        (SELECT string_agg(format('%1$s = q.%1$s + excluded.%1$s', each), ', ') FROM unnest(measures) AS each));
    event text;
    transition text;
    changed text;
BEGIN
    FOR event, transition, changed IN VALUES
        ('insert', 'NEW TABLE AS new_rows', 'SELECT 1 AS sign, * FROM new_rows'),
        ('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows', 'SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows'),
        ('delete', 'OLD TABLE AS old_rows', 'SELECT -1 AS sign, * FROM old_rows')
    LOOP
        EXECUTE format($format$
            CREATE FUNCTION count_%1$s_of_%2$s() RETURNS trigger LANGUAGE plpgsql AS $function$
            BEGIN
                -- An upsert fires the triggers of both ways, mostly one of them without a row.
                IF NOT EXISTS (%5$s) THEN
                    RETURN NULL;
                END IF;
                %4$s;
                IF TG_OP <> 'INSERT' THEN
                    DELETE FROM session_quarters AS q USING (SELECT DISTINCT session_id, occurred_at FROM (%5$s) AS changed) AS r
                    WHERE q.session_id = coalesce(r.session_id, '') AND q.bucket_start = bucket_of(r.occurred_at, 15) AND q.counted_rows = 0;
                END IF;
                RETURN NULL;
            END $function$;
            CREATE TRIGGER count_of_%2$s AFTER %2$s ON %1$I REFERENCING %3$s FOR EACH STATEMENT EXECUTE FUNCTION count_%1$s_of_%2$s()
            $format$, counted, event, transition, replace(add_changed, '$changed', changed), changed);
    END LOOP;
    EXECUTE replace(add_changed, '$changed', format('SELECT 1 AS sign, * FROM %I', counted));
END $make$;

SELECT count_by_session('messages', ARRAY['user_messages', 'assistant_messages'], ARRAY['(role = ''user'')::int', '(role = ''assistant'')::int']);
SELECT count_by_session('tool_calls', ARRAY['tool_calls', 'tool_errors'], ARRAY['1', '(status IN (''error'', ''timeout''))::int']);
SELECT count_by_session('activities', ARRAY['lines_added', 'lines_removed'], ARRAY['lines_added', 'lines_removed']);
SELECT count_by_session('api_calls',
    ARRAY['input_tokens', 'output_tokens', 'cache_creation_tokens', 'cache_read_tokens', 'api_calls', 'unpriced_calls', 'cache_priced_calls',
          'cost_nano_usd', 'uncached_nano_usd', 'cache_saved_nano_usd'],
    ARRAY['input_tokens', 'output_tokens', 'cache_write_5m_tokens + cache_write_1h_tokens', 'cache_read_tokens', '1', '(cost_nano_usd IS NULL)::int',
          '(cache_saved_nano_usd IS NOT NULL)::int', 'coalesce(cost_nano_usd, 0)', 'coalesce(uncached_nano_usd, 0)',
          'coalesce(cache_saved_nano_usd, 0)']);
