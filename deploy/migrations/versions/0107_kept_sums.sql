-- Triggers keep all sums (docs/adr/0116-triggers-keep-all-sums.md): a transaction that changes rows changes the sums, and has nothing to say about it.

-- What keep_sums was told, in this order; verify and rebuild read it.
CREATE TABLE kept_sums (
    number    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sums      name NOT NULL,
    counted   name NOT NULL,
    keys      text[] NOT NULL,
    measures  text[] NOT NULL,
    source    text NOT NULL,
    condition text NOT NULL DEFAULT 'true',
    UNIQUE (sums, counted)
);

-- The lock of sums that many transactions add to, held until the end of the transaction (services/worker/lock_order.py). All meet at the cells that count
-- everything, so it costs no parallelism, and the order of tables and cells need not be kept.
CREATE FUNCTION lock_sums() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT pg_advisory_xact_lock(1740873); END;

-- Makes three triggers, for each way to change `counted`: they add what came to `sums` and take off what went.
--   keys      {{column, SQL over a row}, …}: columns of the primary key of `sums`
--   measures  {{column, how, SQL over a row}, …}: how they add up: sum, greatest or xor. A row of sums in which nothing is left is deleted. What goes does
--             not lower a greatest: `again` may look it up.
--   source    a SELECT over $changed, the rows with their sign, where not each row counts as it is
--   condition SQL over a row: it counts
--   again     statements that follow where rows have changed or gone; $source stands for the source
--   origin    `sums` is changed_quarters, and what changes is noted there under this name: fold_quarters adds it at the end of the transaction
-- To make a trigger waits until nobody writes into the table, and nobody does until this is committed.
CREATE FUNCTION make_sum_triggers(counted name, sums name, keys text[], measures text[], source text, condition text DEFAULT 'true', again text DEFAULT '',
                                  origin text DEFAULT NULL)
    RETURNS text LANGUAGE plpgsql AS $make$
DECLARE
    names text := CASE WHEN origin IS NULL THEN '' ELSE 'xid, origin, ' END || (SELECT string_agg(keys[i][1], ', ' ORDER BY i) FROM generate_subscripts(keys, 1) AS i);
    key_values text := CASE WHEN origin IS NULL THEN '' ELSE format('pg_current_xact_id(), %L, ', origin) END
        || (SELECT string_agg(keys[i][2], ', ' ORDER BY i) FROM generate_subscripts(keys, 1) AS i);
    ordinals text := (SELECT string_agg((i + CASE WHEN origin IS NULL THEN 0 ELSE 2 END)::text, ', ' ORDER BY i) FROM generate_subscripts(keys, 1) AS i);
    -- By key, as every transaction does it.
    add_rows text := format($add$INSERT INTO %1$I AS q (%2$s, %3$s)
        SELECT %4$s, $added
        FROM ($source) AS changed
        GROUP BY %5$s $moved ORDER BY %5$s
        ON CONFLICT ON CONSTRAINT %6$I DO UPDATE SET %7$s$add$,
        sums, names, (SELECT string_agg(measures[i][1], ', ' ORDER BY i) FROM generate_subscripts(measures, 1) AS i), key_values, ordinals, sums || '_pkey',
        (SELECT string_agg(format(CASE measures[i][2] WHEN 'sum' THEN '%1$I = q.%1$I + excluded.%1$I' WHEN 'xor' THEN '%1$I = q.%1$I # excluded.%1$I'
            ELSE '%1$I = greatest(q.%1$I, excluded.%1$I)' END, measures[i][1]), ', ' ORDER BY i) FROM generate_subscripts(measures, 1) AS i));
    insert_rows text := replace(replace(add_rows, '$moved', ''), '$added',
        (SELECT string_agg(format(CASE measures[i][2] WHEN 'sum' THEN 'sum(%s)' WHEN 'xor' THEN 'bit_xor(%s)' ELSE 'max(%s)' END, measures[i][3]), ', ' ORDER BY i)
            FROM generate_subscripts(measures, 1) AS i));
    -- Rows that only got another text change nothing.
    change_rows text := replace(replace(add_rows, '$moved', format('HAVING (%s) IS DISTINCT FROM (%s)',
        (SELECT string_agg(format(CASE measures[i][2] WHEN 'sum' THEN 'sum(sign * (%s))' WHEN 'xor' THEN 'bit_count(bit_xor(%s))'
            ELSE 'max(%s) FILTER (WHERE sign > 0)' END, measures[i][3]), ', ' ORDER BY i) FROM generate_subscripts(measures, 1) AS i),
        (SELECT string_agg(CASE measures[i][2] WHEN 'greatest' THEN format('max(%s) FILTER (WHERE sign < 0)', measures[i][3]) ELSE '0' END, ', ' ORDER BY i)
            FROM generate_subscripts(measures, 1) AS i))), '$added',
        (SELECT string_agg(format(CASE measures[i][2] WHEN 'sum' THEN 'sum(sign * (%s))' WHEN 'xor' THEN 'bit_xor(%s)'
            ELSE 'max(%s) FILTER (WHERE sign > 0)' END, measures[i][3]), ', ' ORDER BY i) FROM generate_subscripts(measures, 1) AS i));
    delete_empty text := format($delete$DELETE FROM %1$I AS q USING (SELECT DISTINCT %2$s FROM ($source) AS changed) AS r WHERE %3$s AND (%4$s) = (%5$s);$delete$,
        sums,
        (SELECT string_agg(format('%s AS %s', keys[i][2], keys[i][1]), ', ' ORDER BY i) FROM generate_subscripts(keys, 1) AS i),
        (SELECT string_agg(format('q.%1$s = r.%1$s', keys[i][1]), ' AND ' ORDER BY i) FROM generate_subscripts(keys, 1) AS i),
        (SELECT string_agg(format(CASE measures[i][2] WHEN 'xor' THEN 'bit_count(q.%I)' ELSE 'q.%I' END, measures[i][1]), ', ' ORDER BY i)
            FROM generate_subscripts(measures, 1) AS i WHERE measures[i][2] <> 'greatest'),
        (SELECT string_agg('0', ', ') FROM generate_subscripts(measures, 1) AS i WHERE measures[i][2] <> 'greatest'));
    event text;
    transition text;
    changed text;
BEGIN
    FOR event, transition, changed IN VALUES
        ('insert', 'NEW TABLE AS new_rows', 'SELECT 1 AS sign, * FROM new_rows WHERE $condition'),
        ('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows', 'SELECT 1 AS sign, * FROM new_rows WHERE $condition UNION ALL SELECT -1, * FROM old_rows WHERE $condition'),
        ('delete', 'OLD TABLE AS old_rows', 'SELECT -1 AS sign, * FROM old_rows WHERE $condition')
    LOOP
        -- As the owner: ingest hands sessions out, and may not write sums. No other role makes a trigger of it.
        EXECUTE replace(replace(replace(format($format$
            CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $function$
            BEGIN
                -- An upsert fires the triggers of both ways, mostly one of them without a row. Retention drops rows, and their sums stay.
                IF NOT EXISTS ($changed) OR current_setting('tracker.sums_stay', true) = 'on' THEN
                    RETURN NULL;
                END IF;
                %6$s
                $add_rows;
                %5$s
                RETURN NULL;
            END $function$;
            CREATE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s FOR EACH STATEMENT EXECUTE FUNCTION %1$I();
            REVOKE EXECUTE ON FUNCTION %1$I() FROM PUBLIC
            $format$, coalesce(origin, sums) || '_' || event || '_' || counted, event, counted, transition,
            CASE WHEN origin IS NOT NULL THEN 'INSERT INTO changes_to_fold VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;'
                WHEN event <> 'insert' THEN again || delete_empty ELSE '' END,
            CASE WHEN origin IS NULL THEN 'PERFORM lock_sums();' ELSE '' END),
            '$add_rows', CASE event WHEN 'insert' THEN insert_rows ELSE change_rows END), '$source', source), '$changed', replace(changed, '$condition', condition));
    END LOOP;
    RETURN replace(insert_rows, '$source', source);
END $make$;

-- Keeps `sums`: from now on it has what the rows of `counted` add up to, by key (make_sum_triggers). `fill`: the rows that are stored are added first.
CREATE FUNCTION keep_sums(counted name, sums name, keys text[], measures text[], source text DEFAULT '$changed', condition text DEFAULT 'true',
                          again text DEFAULT '', fill boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    add_rows text := make_sum_triggers(counted, sums, keys, measures, source, condition, again);
BEGIN
    INSERT INTO kept_sums (sums, counted, keys, measures, source, condition) VALUES ($2, $1, $3, $4, $5, $6);
    IF fill THEN
        EXECUTE replace(add_rows, '$changed', format('SELECT 1 AS sign, * FROM %I WHERE %s', counted, condition));
    END IF;
END $$;

-- A SELECT of what `wanted` should have, over all rows at once.
CREATE FUNCTION sums_anew(wanted name) RETURNS text LANGUAGE sql STABLE AS $$
    WITH measures AS (
        SELECT m.name, m.how, min(k.number * 100 + m.place) AS place
        FROM kept_sums AS k, LATERAL (SELECT i AS place, k.measures[i][1] AS name, k.measures[i][2] AS how FROM generate_subscripts(k.measures, 1) AS i) AS m
        WHERE k.sums = wanted GROUP BY 1, 2
    ), parts AS (
        SELECT format('SELECT %s, %s FROM (%s) AS changed',
            (SELECT string_agg(format('%s AS %I', k.keys[i][2], k.keys[i][1]), ', ' ORDER BY i) FROM generate_subscripts(k.keys, 1) AS i),
            (SELECT string_agg(format('%s AS %I', coalesce(
                (SELECT format('(%s)', k.measures[i][3]) FROM generate_subscripts(k.measures, 1) AS i WHERE k.measures[i][1] = m.name),
                CASE m.how WHEN 'sum' THEN '0' ELSE 'NULL' END), m.name), ', ' ORDER BY m.place) FROM measures AS m),
            replace(k.source, '$changed', format('SELECT 1 AS sign, * FROM %I WHERE %s', k.counted, k.condition))) AS part
        FROM kept_sums AS k WHERE k.sums = wanted
    )
    SELECT format('SELECT %s, %s FROM (%s) AS parts GROUP BY %1$s',
        (SELECT string_agg(quote_ident(k.keys[i][1]), ', ' ORDER BY i) FROM generate_subscripts(k.keys, 1) AS i),
        (SELECT string_agg(format(CASE how WHEN 'sum' THEN 'sum(%1$I) AS %1$I' WHEN 'xor' THEN 'bit_xor(%1$I) AS %1$I' ELSE 'max(%1$I) AS %1$I' END, name),
            ', ' ORDER BY place) FROM measures),
        (SELECT string_agg(part, ' UNION ALL ') FROM parts))
    FROM kept_sums AS k WHERE k.sums = wanted ORDER BY k.number LIMIT 1
$$;

-- Activity ----------------------------------------------------------------------------------------------------------------

ALTER TABLE session_quarters ADD COLUMN sessions bigint NOT NULL DEFAULT 0, ADD COLUMN wall_us numeric NOT NULL DEFAULT 0;

-- What is measured by quarter of an hour, and in activity_rollups and its base.
CREATE FUNCTION measured() RETURNS SETOF name LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT attname FROM pg_attribute
    WHERE attrelid = 'session_quarters'::regclass AND attnum > 0 AND NOT attisdropped
        AND attname <> ALL ('{session_id,bucket_start,project_id,user_id,counted_rows}')
    ORDER BY attnum;
END;

-- What a transaction has changed so far. Several tables count for one quarter of an hour, and for cells that every transaction adds to: so these are added
-- once, at its end. UNLOGGED: a transaction that a crash ends has changed nothing.
--   origin  rows: of a session. base: of sessions that retention dropped. active: active time, of a project or of all (-1).
--           files: how many files came to be touched, in buckets of `grain_minutes`
CREATE UNLOGGED TABLE changed_quarters (
    LIKE session_quarters INCLUDING DEFAULTS,
    xid            xid8 NOT NULL,
    origin         text NOT NULL,
    grain_minutes  smallint NOT NULL DEFAULT 15,
    active_us      numeric NOT NULL DEFAULT 0,
    files_modified bigint NOT NULL DEFAULT 0,
    CONSTRAINT changed_quarters_pkey PRIMARY KEY (xid, origin, session_id, grain_minutes, bucket_start, project_id, user_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE changed_quarters ALTER COLUMN session_id SET DEFAULT '', ALTER COLUMN counted_rows SET DEFAULT 0;

-- The transactions that have noted something: one row, so that one trigger is deferred.
CREATE UNLOGGED TABLE changes_to_fold (xid xid8 PRIMARY KEY) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

DO $do$
BEGIN
    EXECUTE (SELECT replace(replace(replace(replace($function$
CREATE FUNCTION fold_quarters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    emptied tid[];
BEGIN
    INSERT INTO session_quarters AS q (session_id, bucket_start, project_id, user_id, counted_rows, $measured)
    SELECT session_id, bucket_start, project_id, user_id, counted_rows, $measured
    FROM changed_quarters
    WHERE xid = pg_current_xact_id() AND origin = 'rows' AND (counted_rows, $measured) <> (0, $zeros)
    ORDER BY session_id, bucket_start, project_id, user_id
    ON CONFLICT ON CONSTRAINT session_quarters_pkey DO UPDATE SET counted_rows = q.counted_rows + excluded.counted_rows, $added;
    DELETE FROM session_quarters AS q USING changed_quarters AS c
    WHERE c.xid = pg_current_xact_id() AND c.origin = 'rows' AND c.counted_rows < 0 AND q.counted_rows = 0
        AND (q.session_id, q.bucket_start, q.project_id, q.user_id) = (c.session_id, c.bucket_start, c.project_id, c.user_id);
    WITH cells AS (
        INSERT INTO activity_rollups AS q (project_id, user_id, grain_minutes, bucket_start, active_us, files_modified, active_by_quarter, $measured)
        SELECT k.project_id, k.user_id, k.grain, bucket_of(c.bucket_start, k.grain), sum(c.active_us), sum(c.files_modified),
            coalesce(sum(placed(c.active_us, quarter_of_week(c.bucket_start), 16)) FILTER (WHERE k.grain = 10080 AND c.active_us <> 0), 0), $summed
        FROM changed_quarters AS c
        CROSS JOIN LATERAL activity_cells(c.origin, c.project_id, c.user_id, c.grain_minutes) AS k
        WHERE c.xid = pg_current_xact_id()
        GROUP BY 1, 2, 3, 4
        HAVING (sum(c.active_us), sum(c.files_modified), $summed) <> (0, 0, $zeros)
        ORDER BY 1, 2, 3, 4
        ON CONFLICT ON CONSTRAINT activity_rollups_pkey DO UPDATE SET active_us = q.active_us + excluded.active_us,
            files_modified = q.files_modified + excluded.files_modified, active_by_quarter = q.active_by_quarter + excluded.active_by_quarter, $added
        RETURNING q.ctid AS place, (q.active_us, q.files_modified, $measured) = (0, 0, $zeros) AS is_empty
    )
    SELECT array_agg(place) INTO emptied FROM cells WHERE is_empty;
    IF emptied IS NOT NULL THEN
        DELETE FROM activity_rollups WHERE ctid = ANY (emptied);
    END IF;
    DELETE FROM changed_quarters WHERE xid = pg_current_xact_id();
    DELETE FROM changes_to_fold WHERE xid = pg_current_xact_id();
    RETURN NULL;
END $$$function$,
        '$measured', string_agg(name, ', ')), '$zeros', string_agg('0', ', ')), '$summed', string_agg(format('sum(c.%I)', name), ', ')),
        '$added', string_agg(format('%1$I = q.%1$I + excluded.%1$I', name), ', ')) FROM measured() AS name);
END $do$;

-- The cells that a change is counted in: -1 stands for all projects, or for all users. Active time and files are no sums over projects.
CREATE FUNCTION activity_cells(origin text, project_id bigint, user_id bigint, grain_minutes smallint)
    RETURNS TABLE (project_id bigint, user_id bigint, grain smallint) LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT o.project_id, o.user_id, g.grain
        FROM (VALUES ($2, $3, $1 <> 'files'), ($2, -1, true), (-1, $3, $1 IN ('rows', 'base')), (-1, -1, $1 IN ('rows', 'base')))
                AS o (project_id, user_id, counts),
            (VALUES (0::smallint), (15), (60), (1440), (10080)) AS g (grain)
        WHERE o.counts AND ($1 <> 'files' OR g.grain = $4);
    END;

CREATE CONSTRAINT TRIGGER fold AFTER INSERT ON changes_to_fold DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fold_quarters();
REVOKE EXECUTE ON FUNCTION fold_quarters() FROM PUBLIC;

DO $$
DECLARE
    counted name;
    event text;
BEGIN
    FOREACH counted IN ARRAY ARRAY['messages', 'tool_calls', 'activities', 'api_calls'] LOOP
        FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
            EXECUTE format('DROP TRIGGER count_of_%s ON %I', event, counted);
            EXECUTE format('DROP FUNCTION count_%s_of_%s()', counted, event);
        END LOOP;
    END LOOP;
END $$;
DROP FUNCTION count_by_session(name, text[], text[]);

-- What the rows of a table add to the quarters of their sessions, and to activity_rollups. `expressions`: SQL over a row.
CREATE FUNCTION count_by_session(counted name, measures text[], expressions text[], at text DEFAULT 'occurred_at', condition text DEFAULT 'true')
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    keys text[] := ARRAY[['session_id', 'coalesce(session_id, '''')'], ['bucket_start', format('bucket_of(%I, 15)', at)], ['project_id', 'project_id'],
        ['user_id', 'user_id']];
    summed text[] := ARRAY[['counted_rows', 'sum', '1']];
BEGIN
    FOR i IN 1 .. cardinality(measures) LOOP
        summed := summed || ARRAY[[measures[i], 'sum', expressions[i]]];
    END LOOP;
    PERFORM make_sum_triggers(counted, 'changed_quarters', keys, summed, '$changed', condition, origin => 'rows');
    INSERT INTO kept_sums (sums, counted, keys, measures, source, condition) VALUES ('session_quarters', $1, keys, summed, '$changed', condition);
END $$;
SELECT count_by_session('messages', ARRAY['user_messages', 'assistant_messages'], ARRAY['(role = ''user'')::int', '(role = ''assistant'')::int']);
SELECT count_by_session('tool_calls', ARRAY['tool_calls', 'tool_errors'], ARRAY['1', '(status IN (''error'', ''timeout''))::int']);
SELECT count_by_session('activities', ARRAY['lines_added', 'lines_removed'], ARRAY['lines_added', 'lines_removed']);
SELECT count_by_session('api_calls',
    ARRAY['input_tokens', 'output_tokens', 'cache_creation_tokens', 'cache_read_tokens', 'api_calls', 'unpriced_calls', 'cache_priced_calls',
          'cost_nano_usd', 'uncached_nano_usd', 'cache_saved_nano_usd'],
    ARRAY['input_tokens', 'output_tokens', 'cache_write_5m_tokens + cache_write_1h_tokens', 'cache_read_tokens', '1', '(cost_nano_usd IS NULL)::int',
          '(cache_saved_nano_usd IS NOT NULL)::int', 'coalesce(cost_nano_usd, 0)', 'coalesce(uncached_nano_usd, 0)',
          'coalesce(cache_saved_nano_usd, 0)']);
-- A session counts at its date: once, its wall time, and what only its snapshot knows.
SELECT count_by_session('sessions',
    ARRAY['sessions', 'wall_us', 'lines_added', 'lines_removed', 'input_tokens', 'output_tokens', 'cache_creation_tokens', 'cache_read_tokens', 'cost_nano_usd'],
    ARRAY['1', 'wall_us', 'CASE WHEN lines_from_snapshot THEN lines_added ELSE 0 END', 'CASE WHEN lines_from_snapshot THEN lines_removed ELSE 0 END',
          'CASE WHEN usage_from_snapshot THEN input_tokens ELSE 0 END', 'CASE WHEN usage_from_snapshot THEN output_tokens ELSE 0 END',
          'CASE WHEN usage_from_snapshot THEN cache_creation_tokens ELSE 0 END', 'CASE WHEN usage_from_snapshot THEN cache_read_tokens ELSE 0 END',
          'CASE WHEN usage_from_snapshot THEN coalesce(cost_nano_usd, 0) ELSE 0 END'],
    'dated_at', 'counted');

-- The sessions that are stored. The rows are in session_quarters already, and all of it in activity_rollups.
INSERT INTO session_quarters AS q (session_id, bucket_start, project_id, user_id, counted_rows, sessions, wall_us, lines_added, lines_removed, input_tokens,
    output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd)
SELECT session_id, bucket_of(dated_at, 15), project_id, user_id, 1, 1, wall_us, CASE WHEN lines_from_snapshot THEN lines_added ELSE 0 END,
    CASE WHEN lines_from_snapshot THEN lines_removed ELSE 0 END, CASE WHEN usage_from_snapshot THEN input_tokens ELSE 0 END,
    CASE WHEN usage_from_snapshot THEN output_tokens ELSE 0 END, CASE WHEN usage_from_snapshot THEN cache_creation_tokens ELSE 0 END,
    CASE WHEN usage_from_snapshot THEN cache_read_tokens ELSE 0 END, CASE WHEN usage_from_snapshot THEN coalesce(cost_nano_usd, 0) ELSE 0 END
FROM sessions WHERE counted
ON CONFLICT (session_id, bucket_start, project_id, user_id) DO UPDATE SET counted_rows = q.counted_rows + 1, sessions = q.sessions + 1,
    wall_us = q.wall_us + excluded.wall_us, lines_added = q.lines_added + excluded.lines_added, lines_removed = q.lines_removed + excluded.lines_removed,
    input_tokens = q.input_tokens + excluded.input_tokens, output_tokens = q.output_tokens + excluded.output_tokens,
    cache_creation_tokens = q.cache_creation_tokens + excluded.cache_creation_tokens, cache_read_tokens = q.cache_read_tokens + excluded.cache_read_tokens,
    cost_nano_usd = q.cost_nano_usd + excluded.cost_nano_usd;

DO $do$
DECLARE
    bucket text[] := ARRAY[['bucket_start', 'bucket_start'], ['project_id', 'project_id'], ['user_id', 'user_id']];
    cells text[] := ARRAY[['project_id', 'k_project_id'], ['user_id', 'k_user_id'], ['grain_minutes', 'k_grain'], ['bucket_start', 'bucket_of(at, k_grain)']];
    measured text[] := (SELECT array_agg(ARRAY[name, 'sum', name]::text[]) FROM measured() AS name);
    files text[] := ARRAY[['files_modified', 'sum', '1']];
    -- Files of a project; and of all, by day and week alone: file_rollups have these.
    of_files text := 'SELECT sign, grain_minutes, bucket_start, project_id, -1 AS user_id FROM ($changed) AS c';
BEGIN
    PERFORM make_sum_triggers('base_activity_rollups', 'changed_quarters', bucket, measured, '$changed', origin => 'base');
    PERFORM make_sum_triggers('file_rollups', 'changed_quarters', ARRAY[['grain_minutes', 'grain_minutes']] || bucket, files, of_files, 'touches > 0', origin => 'files');
    INSERT INTO kept_sums (sums, counted, keys, measures, source, condition) VALUES
        ('activity_rollups', 'session_quarters', cells, measured,
            'SELECT c.*, c.bucket_start AS at, k.project_id AS k_project_id, k.user_id AS k_user_id, k.grain AS k_grain
             FROM ($changed) AS c, activity_cells(''rows'', c.project_id, c.user_id, 15::smallint) AS k', 'true'),
        ('activity_rollups', 'base_activity_rollups', cells, measured,
            'SELECT c.*, c.bucket_start AS at, k.project_id AS k_project_id, k.user_id AS k_user_id, k.grain AS k_grain
             FROM ($changed) AS c, activity_cells(''base'', c.project_id, c.user_id, 15::smallint) AS k', 'true'),
        ('activity_rollups', 'active_days', cells,
            ARRAY[['active_us', 'sum', 'us'], ['active_by_quarter', 'sum', 'CASE k_grain WHEN 10080 THEN placed(us, quarter_of_week(at), 16) ELSE 0 END']],
            'SELECT q.*, k.project_id AS k_project_id, k.user_id AS k_user_id, k.grain AS k_grain
             FROM (SELECT d.project_id, d.user_id, b.bucket_start AS at, sum(microseconds(upper(b.piece) - lower(b.piece))) AS us
                   FROM ($changed) AS d, cut_at_buckets(d.ranges, 15) AS b GROUP BY 1, 2, 3) AS q,
                 activity_cells(''active'', q.project_id, q.user_id, 15::smallint) AS k', 'true'),
        ('activity_rollups', 'file_rollups',
            ARRAY[['project_id', 'project_id'], ['user_id', 'user_id'], ['grain_minutes', 'grain_minutes'], ['bucket_start', 'bucket_start']], files, of_files,
            'touches > 0');
END $do$;

-- Tools -------------------------------------------------------------------------------------------------------------------

-- tool_rollups stay a cube of (project or -1, user or -1): by session and day there are ten times the rows. They have the rows and the base already.
-- The slowest and the last call of cells that lost one are looked up: those of a day of a project and user in the rows and the base, those of more than one
-- project or user in the cells of each, weeks in their days, and all time in its weeks.
CREATE FUNCTION look_up_maxima(lost jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_rows text := $q$SELECT max(max_ms), max(max_measured_ms), max(last_used_at) FROM (
        SELECT max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms, max(occurred_at) AS last_used_at
        FROM tool_calls AS t
        WHERE t.project_id = r.project_id AND t.user_id = r.user_id AND t.tool_name = r.tool_name
            AND t.occurred_at BETWEEN r.bucket_start AND r.bucket_start + interval '1 day' - interval '1 microsecond'
        UNION ALL
        SELECT max_ms, max_measured_ms, last_used_at FROM base_tool_rollups AS b
        WHERE (b.project_id, b.user_id, b.tool_name, b.bucket_start) = (r.project_id, r.user_id, r.tool_name, r.bucket_start)) AS calls$q$;
    -- One project or user after the other: the index begins with projects, then users.
    of_each text := $q$SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM %s) AS e, LATERAL (
        SELECT * FROM tool_rollups AS c WHERE c.project_id = %s AND c.user_id = %s AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
            AND c.tool_name = r.tool_name) AS c$q$;
    of_finer text := $q$SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
        WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.tool_name = r.tool_name AND c.grain_minutes = %s $q$;
    project text;
    owner text;
    grain text;
    found text;
BEGIN
    FOR grain, project, owner, found IN
        SELECT g.grain, k.project, k.owner, coalesce(g.found, k.found)
        FROM (VALUES (1, '1440', NULL), (2, '10080', format(of_finer, '1440') || $q$AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'$q$),
            (3, '0', format(of_finer, '10080'))) AS g (place, grain, found),
            (VALUES (1, 'project_id', 'user_id', of_rows), (2, 'project_id', '-1', format(of_each, 'users', 'r.project_id', 'e.id')),
                (3, '-1', 'user_id', format(of_each, 'projects', 'e.id', 'r.user_id')), (4, '-1', '-1', format(of_each, 'users', '-1', 'e.id'))) AS k (place, project, owner, found)
        ORDER BY g.place, k.place
    LOOP
        EXECUTE format($q$UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (%s)
            FROM (SELECT %s AS project_id, %s AS user_id, tool_name, bucket_of(bucket_start, %s) AS bucket_start, max(max_ms) AS max_ms,
                      max(max_measured_ms) AS max_measured_ms, max(last_used_at) AS last_used_at
                  FROM jsonb_to_recordset($1) AS l (project_id bigint, user_id bigint, tool_name text, bucket_start timestamptz, max_ms bigint,
                      max_measured_ms bigint, last_used_at timestamptz) GROUP BY 1, 2, 3, 4) AS m
            WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, %4$s, m.bucket_start, m.tool_name)
                AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at)$q$,
            found, project, owner, grain) USING lost;
    END LOOP;
END $$;

DO $do$
DECLARE
    keys text[] := ARRAY[['project_id', 'k_project_id'], ['user_id', 'k_user_id'], ['grain_minutes', 'k_grain'], ['bucket_start', 'bucket_of(at, k_grain)'],
        ['tool_name', 'tool_name']];
    measures text[] := ARRAY[['calls', 'sum', 'calls'], ['success', 'sum', 'success'], ['errors', 'sum', 'errors'], ['rejected', 'sum', 'rejected'],
        ['timed_calls', 'sum', 'timed_calls'], ['duration_ms', 'sum', 'duration_ms'], ['measured_calls', 'sum', 'measured_calls'],
        ['measured_ms', 'sum', 'measured_ms'], ['waited_calls', 'sum', 'waited_calls'], ['waited_ms', 'sum', 'waited_ms'],
        ['max_ms', 'greatest', 'max_ms'], ['max_measured_ms', 'greatest', 'max_measured_ms'], ['last_used_at', 'greatest', 'last_used_at'],
        ['times', 'sum', 'times'], ['measured_times', 'sum', 'measured_times'],
        ['calls_by_quarter', 'sum', 'CASE k_grain WHEN 10080 THEN calls_by_quarter ELSE 0 END'],
        ['errors_by_quarter', 'sum', 'CASE k_grain WHEN 10080 THEN errors_by_quarter ELSE 0 END']];
    under text := $$, LATERAL (SELECT * FROM (VALUES (c.project_id, c.user_id), (c.project_id, -1), (-1, c.user_id), (-1, -1)) AS o (k_project_id, k_user_id),
        (VALUES (0), (1440), (10080)) AS g (k_grain)) AS k$$;
    again text := $$PERFORM look_up_maxima(l.lost) FROM (
            SELECT jsonb_agg(jsonb_build_object('project_id', project_id, 'user_id', user_id, 'tool_name', tool_name, 'bucket_start', at,
                'max_ms', old_ms, 'max_measured_ms', old_measured_ms, 'last_used_at', old_used_at)) AS lost
            FROM (
                SELECT k_project_id AS project_id, k_user_id AS user_id, tool_name, bucket_of(at, 1440) AS at,
                    max(max_ms) FILTER (WHERE sign < 0) AS old_ms, max(max_ms) FILTER (WHERE sign > 0) AS new_ms,
                    max(max_measured_ms) FILTER (WHERE sign < 0) AS old_measured_ms, max(max_measured_ms) FILTER (WHERE sign > 0) AS new_measured_ms,
                    max(last_used_at) FILTER (WHERE sign < 0) AS old_used_at, max(last_used_at) FILTER (WHERE sign > 0) AS new_used_at
                FROM ($source) AS changed WHERE k_project_id <> -1 AND k_user_id <> -1 AND k_grain = 0 GROUP BY 1, 2, 3, 4
            ) AS days
            WHERE old_ms > coalesce(new_ms, -1) OR old_measured_ms > coalesce(new_measured_ms, -1) OR new_used_at IS NULL OR old_used_at > new_used_at
        ) AS l WHERE l.lost IS NOT NULL; $$;
BEGIN
    -- Calls are added up by quarter of an hour and bucket of latency first: so the vectors are made of few numbers.
    PERFORM keep_sums('tool_calls', 'tool_rollups', keys, measures,
        $$SELECT c.*, k.* FROM (
            SELECT sign, project_id, user_id, tool_name, at, sum(calls)::bigint AS calls, sum(success)::bigint AS success, sum(errors)::bigint AS errors,
                sum(rejected)::bigint AS rejected, sum(timed_calls)::bigint AS timed_calls, sum(duration_ms)::bigint AS duration_ms,
                sum(measured_calls)::bigint AS measured_calls, sum(measured_ms)::bigint AS measured_ms, sum(waited_calls)::bigint AS waited_calls,
                sum(waited_ms)::bigint AS waited_ms, max(max_ms) AS max_ms, max(max_measured_ms) AS max_measured_ms, max(last_used_at) AS last_used_at,
                coalesce(sum(placed(timed_calls, bucket + 1, 8)), 0) AS times, coalesce(sum(placed(measured_calls, bucket + 1, 8)), 0) AS measured_times,
                coalesce(placed(sum(calls), quarter_of_week(at), 8), 0) AS calls_by_quarter, coalesce(placed(sum(errors), quarter_of_week(at), 8), 0) AS errors_by_quarter
            FROM (
                SELECT sign, project_id, user_id, tool_name, bucket_of(occurred_at, 15) AS at, latency_bucket(duration_ms) AS bucket,
                    count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
                    count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                    count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
                    count(duration_ms) FILTER (WHERE duration_source = 'reported') AS measured_calls,
                    coalesce(sum(duration_ms) FILTER (WHERE duration_source = 'reported'), 0)::bigint AS measured_ms,
                    count(wait_ms) AS waited_calls, coalesce(sum(wait_ms), 0)::bigint AS waited_ms,
                    max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms, max(occurred_at) AS last_used_at
                FROM ($changed) AS calls GROUP BY 1, 2, 3, 4, 5, 6
            ) AS by_latency
            GROUP BY 1, 2, 3, 4, 5
        ) AS c$$ || under, again => again, fill => false);
    PERFORM keep_sums('base_tool_rollups', 'tool_rollups', keys, measures,
        $$SELECT c.*, k.* FROM (
            SELECT sign, project_id, user_id, tool_name, bucket_start AS at, calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms,
                waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, coalesce(times, 0) AS times, coalesce(measured_times, 0) AS measured_times,
                coalesce(calls_by_quarter, 0) AS calls_by_quarter, coalesce(errors_by_quarter, 0) AS errors_by_quarter
            FROM ($changed) AS base
        ) AS c$$ || under, again => again, fill => false);
END $do$;

-- Of all projects together each file counts once: days and weeks had the sum over projects, and finer cells and all time cannot know.
UPDATE activity_rollups AS r SET files_modified = (
    SELECT count(*) FROM file_rollups AS f
    WHERE f.project_id = -1 AND f.grain_minutes = r.grain_minutes AND f.bucket_start = r.bucket_start AND f.touches > 0)
WHERE project_id = -1 AND user_id = -1 AND files_modified <> 0;

-- Failed calls, and tokens by model ------------------------------------------------------------------------------------------

DO $do$
DECLARE
    keys text[] := ARRAY[['project_id', 'k_project_id'], ['user_id', 'k_user_id'], ['grain_minutes', 'k_grain'], ['bucket_start', 'bucket_of(at, k_grain)']];
    under text := ', LATERAL (SELECT * FROM (VALUES (c.project_id, c.user_id), (c.project_id, -1), (-1, c.user_id), (-1, -1)) AS o (k_project_id, k_user_id),
        (VALUES (0), (1440), (10080)) AS g (k_grain)) AS k';
    under_models text := ', LATERAL (SELECT * FROM (VALUES (c.project_id, c.user_id), (-1, -1)) AS o (k_project_id, k_user_id), (VALUES (0), (1440)) AS g (k_grain)) AS k';
    of_classes text[] := keys || ARRAY[['tool_name', 'tool_name'], ['error_class', 'class']];
    of_models text[] := keys || ARRAY[['model', 'of_model']];
    calls text[] := ARRAY[['calls', 'sum', 'calls']];
    tokens text[] := ARRAY[['api_calls', 'sum', 'api_calls'], ['unpriced_calls', 'sum', 'unpriced_calls'], ['input_tokens', 'sum', 'input_tokens'],
        ['output_tokens', 'sum', 'output_tokens'], ['cache_creation_tokens', 'sum', 'cache_creation_tokens'], ['cache_read_tokens', 'sum', 'cache_read_tokens'],
        ['cost_nano_usd', 'sum', 'cost_nano_usd'], ['cache_priced_calls', 'sum', 'cache_priced_calls'], ['uncached_nano_usd', 'sum', 'uncached_nano_usd'],
        ['cache_saved_nano_usd', 'sum', 'cache_saved_nano_usd']];
BEGIN
    PERFORM keep_sums('tool_calls', 'error_rollups', of_classes, calls,
        'SELECT c.*, k.* FROM (
            SELECT sign, project_id, user_id, tool_name, coalesce(error_class, '''') AS class, bucket_of(occurred_at, 1440) AS at, count(*) AS calls
            FROM ($changed) AS t GROUP BY 1, 2, 3, 4, 5, 6
        ) AS c' || under, 'status NOT IN (''success'', ''pending'')', fill => false);
    PERFORM keep_sums('base_error_rollups', 'error_rollups', of_classes, calls,
        'SELECT c.*, k.*, bucket_start AS at, error_class AS class FROM ($changed) AS c' || under, fill => false);
    PERFORM keep_sums('api_calls', 'usage_rollups', of_models, tokens,
        'SELECT c.*, k.* FROM (
            SELECT sign, project_id, user_id, coalesce(model, '''') AS of_model, bucket_of(occurred_at, 1440) AS at, count(*) AS api_calls,
                count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced_calls, sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
                sum(cache_write_5m_tokens + cache_write_1h_tokens)::bigint AS cache_creation_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
                coalesce(sum(cost_nano_usd), 0) AS cost_nano_usd, count(cache_saved_nano_usd) AS cache_priced_calls,
                coalesce(sum(uncached_nano_usd), 0) AS uncached_nano_usd, coalesce(sum(cache_saved_nano_usd), 0) AS cache_saved_nano_usd
            FROM ($changed) AS a GROUP BY 1, 2, 3, 4, 5
        ) AS c' || under_models, fill => false);
    -- Sessions whose tokens only a snapshot knows. They have no calls, and what the cache saved is not known.
    PERFORM keep_sums('sessions', 'usage_rollups', of_models, ARRAY[['input_tokens', 'sum', 'input_tokens'], ['output_tokens', 'sum', 'output_tokens'],
            ['cache_creation_tokens', 'sum', 'cache_creation_tokens'], ['cache_read_tokens', 'sum', 'cache_read_tokens'],
            ['cost_nano_usd', 'sum', 'coalesce(cost_nano_usd, 0)']],
        'SELECT c.*, k.*, dated_at AS at, coalesce(model, '''') AS of_model FROM ($changed) AS c' || under_models,
        'counted AND usage_from_snapshot', fill => false);
    PERFORM keep_sums('base_usage_rollups', 'usage_rollups', of_models, tokens,
        'SELECT c.*, k.*, bucket_start AS at, model AS of_model FROM ($changed) AS c' || under_models, fill => false);
END $do$;

-- Files ---------------------------------------------------------------------------------------------------------------------

DO $do$
DECLARE
    keys text[] := ARRAY[['project_id', 'k_project_id'], ['grain_minutes', 'k_grain'], ['bucket_start', 'bucket_of(at, k_grain)'], ['file_key', 'file_key']];
    measures text[] := ARRAY[['touches', 'sum', 'touches'], ['lines_added', 'sum', 'lines_added'], ['lines_removed', 'sum', 'lines_removed']];
    -- Of a project, and of all together.
    under text := ', LATERAL (VALUES (c.project_id, 0), (c.project_id, 15), (c.project_id, 60), (c.project_id, 1440), (c.project_id, 10080),
        (-1, 1440), (-1, 10080)) AS k (k_project_id, k_grain)';
BEGIN
    PERFORM keep_sums('activities', 'file_rollups', keys, measures,
        'SELECT sign, k.*, occurred_at AS at, file_key, 1 AS touches, lines_added, lines_removed FROM ($changed) AS c' || under, fill => false);
    PERFORM keep_sums('base_file_rollups', 'file_rollups', keys, measures,
        'SELECT sign, k.*, bucket_start AS at, file_key, touches, lines_added, lines_removed FROM ($changed) AS c' || under, fill => false);
END $do$;
-- A bit is flipped where a file came to be touched, or no longer is.
SELECT keep_sums('file_rollups', 'file_sets',
    ARRAY[['project_id', 'project_id'], ['grain_minutes', 'grain_minutes'], ['bucket_start', 'bucket_start'], ['chunk', 'number / 4096']],
    ARRAY[['bits', 'xor', 'set_bit(0::bit(4096), mod(number, 4096)::integer, 1)']],
    'SELECT c.sign, c.project_id, c.grain_minutes, c.bucket_start, f.number FROM ($changed) AS c JOIN files AS f USING (file_key)',
    'grain_minutes IN (1440, 10080) AND touches > 0', fill => false);

-- Active time ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION idle_gap() RETURNS interval
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT make_interval(secs => coalesce((SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), 300));
    END;

-- A person's active time is a union over their sessions, and not a sum over projects: a day has that of each project, and of all (-1). What a session gained
-- is joined to it. From a union nothing can be taken off: the days of what a session lost are made again.
CREATE TYPE moved_time AS (project_id bigint, user_id bigint, gains tstzmultirange, loses tstzmultirange);
CREATE FUNCTION add_active_time(moved moved_time[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    projects bigint[];
    people bigint[];
    days date[];
BEGIN
    INSERT INTO active_days AS d (project_id, user_id, day, ranges)
    SELECT k.project_id, g.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date, range_agg(c.piece)
    FROM unnest(moved) AS g, cut_at_buckets(g.gains, 1440) AS c, LATERAL (VALUES (g.project_id), (-1)) AS k (project_id)
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
    ON CONFLICT (project_id, user_id, day) DO UPDATE SET ranges = d.ranges + excluded.ranges;
    IF NOT EXISTS (SELECT FROM unnest(moved) AS l WHERE NOT isempty(l.loses)) THEN
        RETURN;
    END IF;
    -- As arrays, the days are few for the planner too: each is looked up.
    SELECT array_agg(project_id), array_agg(user_id), array_agg(day) INTO projects, people, days
    FROM (
        SELECT DISTINCT k.project_id, l.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day
        FROM unnest(moved) AS l, cut_at_buckets(l.loses, 1440) AS c, LATERAL (VALUES (l.project_id), (-1)) AS k (project_id)
    ) AS lost;
    UPDATE active_days AS d SET ranges = (
        SELECT coalesce(range_agg(without_gap(s.active_ranges, idle_gap()) * tstzmultirange(b.day)), '{}')
        FROM (
            SELECT project_id, user_id, dated_at, last_event_at, active_ranges FROM sessions WHERE counted AND user_id = l.user_id
            UNION ALL
            SELECT project_id, user_id, dated_at, last_event_at, active_ranges FROM base_sessions WHERE user_id = l.user_id
        ) AS s
        WHERE (l.project_id = -1 OR s.project_id = l.project_id) AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day)
    FROM unnest(projects, people, days) AS l (project_id, user_id, day)
    CROSS JOIN LATERAL (SELECT tstzrange(l.day::timestamp AT TIME ZONE 'UTC', (l.day + 1)::timestamp AT TIME ZONE 'UTC') AS day) AS b
    WHERE (d.project_id, d.user_id, d.day) = (l.project_id, l.user_id, l.day);
    DELETE FROM active_days AS d USING unnest(projects, people, days) AS l (project_id, user_id, day)
    WHERE (d.project_id, d.user_id, d.day) = (l.project_id, l.user_id, l.day) AND isempty(d.ranges);
END $$;

DO $do$
DECLARE
    event text;
    transition text;
    came text;
    went text;
    -- Of a session its ranges before and after are compared; of the base each row is another.
    of_sessions text := 'SELECT session_id AS id, project_id, user_id, without_gap(active_ranges, idle_gap()) AS ranges FROM %s WHERE counted';
    of_base text := 'SELECT NULL AS id, project_id, user_id, without_gap(active_ranges, idle_gap()) AS ranges FROM %s';
    nothing text := 'SELECT NULL::text AS id, NULL::bigint AS project_id, NULL::bigint AS user_id, NULL::tstzmultirange AS ranges WHERE false';
    days_of text := 'SELECT project_id, user_id, day, ranges FROM %s';
    no_day text := 'SELECT NULL::bigint AS project_id, NULL::bigint AS user_id, NULL::date AS day, NULL::tstzmultirange AS ranges WHERE false';
    counted name;
    rows_of text;
BEGIN
    FOR event, transition, came, went IN VALUES
        ('insert', 'NEW TABLE AS new_rows', 'new_rows', NULL), ('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows', 'new_rows', 'old_rows'),
        ('delete', 'OLD TABLE AS old_rows', NULL, 'old_rows')
    LOOP
        FOR counted, rows_of IN VALUES ('sessions', of_sessions), ('base_sessions', of_base) LOOP
            EXECUTE format($format$
                CREATE FUNCTION active_days_%1$s_%2$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $function$
                DECLARE
                    moved moved_time[];
                BEGIN
                    -- A session that retention drops leaves its time in base_sessions.
                    IF current_setting('tracker.sums_stay', true) = 'on' THEN
                        RETURN NULL;
                    END IF;
                    SELECT array_agg(ROW(project_id, user_id, coalesce(n.ranges, '{}') - coalesce(o.ranges, '{}'),
                        coalesce(o.ranges, '{}') - coalesce(n.ranges, '{}'))::moved_time)
                    INTO moved
                    FROM (%4$s) AS n FULL JOIN (%5$s) AS o USING (id, project_id, user_id)
                    WHERE n.ranges IS DISTINCT FROM o.ranges AND coalesce(n.ranges, '{}') <> coalesce(o.ranges, '{}');
                    IF moved IS NOT NULL THEN
                        PERFORM lock_sums();
                        PERFORM add_active_time(moved);
                    END IF;
                    RETURN NULL;
                END $function$;
                CREATE TRIGGER active_days_%1$s AFTER %1$s ON %2$I REFERENCING %3$s FOR EACH STATEMENT EXECUTE FUNCTION active_days_%1$s_%2$s();
                REVOKE EXECUTE ON FUNCTION active_days_%1$s_%2$s() FROM PUBLIC
                $format$, event, counted, transition, CASE WHEN came IS NULL THEN nothing ELSE format(rows_of, came) END,
                CASE WHEN went IS NULL THEN nothing ELSE format(rows_of, went) END);
        END LOOP;
        EXECUTE format($format$
            CREATE FUNCTION active_%1$s_active_days() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $function$
            BEGIN
                IF current_setting('tracker.sums_stay', true) = 'on' THEN
                    RETURN NULL;
                END IF;
                INSERT INTO changed_quarters AS q (xid, origin, bucket_start, project_id, user_id, active_us)
                SELECT pg_current_xact_id(), 'active', c.bucket_start, m.project_id, m.user_id, sum(m.sign * microseconds(upper(c.piece) - lower(c.piece)))
                FROM (
                    SELECT n.project_id, n.user_id, 1 AS sign, n.ranges - coalesce(o.ranges, '{}') AS ranges
                    FROM (%3$s) AS n LEFT JOIN (%4$s) AS o USING (project_id, user_id, day)
                    UNION ALL
                    SELECT o.project_id, o.user_id, -1, o.ranges - coalesce(n.ranges, '{}')
                    FROM (%4$s) AS o LEFT JOIN (%3$s) AS n USING (project_id, user_id, day)
                ) AS m
                CROSS JOIN LATERAL cut_at_buckets(m.ranges, 15) AS c
                GROUP BY 3, 4, 5
                ORDER BY 3, 4, 5
                ON CONFLICT ON CONSTRAINT changed_quarters_pkey DO UPDATE SET active_us = q.active_us + excluded.active_us;
                INSERT INTO changes_to_fold VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
                RETURN NULL;
            END $function$;
            CREATE TRIGGER active_%1$s AFTER %1$s ON active_days REFERENCING %2$s FOR EACH STATEMENT EXECUTE FUNCTION active_%1$s_active_days();
            REVOKE EXECUTE ON FUNCTION active_%1$s_active_days() FROM PUBLIC
            $format$, event, transition, CASE WHEN came IS NULL THEN no_day ELSE format(days_of, came) END,
            CASE WHEN went IS NULL THEN no_day ELSE format(days_of, went) END);
    END LOOP;
END $do$;

-- A worker of the release before adds to cells itself, until it is replaced. What no trigger does is not done, unless somebody says so (tracker.sums_stay).
CREATE FUNCTION do_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
DO $$
DECLARE
    sums name;
BEGIN
    FOR sums IN SELECT k.sums FROM kept_sums AS k UNION SELECT 'active_days' LOOP
        EXECUTE format($format$
            CREATE TRIGGER by_triggers_alone BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW
            WHEN (pg_trigger_depth() = 0 AND current_setting('tracker.sums_stay', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION do_nothing()
            $format$, sums);
    END LOOP;
END $$;
