-- The tables of the tracker, in the order of these files. This one: definitions that writing, verifying and reading share.
--
-- Conventions
--   id 0 of a project or user means "not known"; -1 in an aggregate's key means "all of them".
--   '-infinity' in occurred_at, dated_at or bucket_start means "date not known": it counts, but on no day.
--   *_us are microseconds, *_nano_usd are 10^-9 USD: integers, so that sums are exact in any order.
--   No foreign keys from the event tables: they may arrive before what they refer to, and are written by one service only.
--   Who may read or write a table: deploy/migrations/grants.py. What a key that is bound to people or projects sees of it: 17_bound_keys.sql.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The start of the bucket that a time is in. The origin is a Monday, so weeks begin there.
CREATE FUNCTION bucket_of(t timestamptz, grain_minutes integer) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN grain_minutes = 0 THEN '-infinity'::timestamptz
                ELSE date_bin(make_interval(mins => grain_minutes), t, '2000-01-03 00:00:00+00'::timestamptz) END;

-- 0 is Monday 00:00 UTC, 671 Sunday 23:45. Null for what has no date.
CREATE FUNCTION quarter_of_week(t timestamptz) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN t > '-infinity' THEN floor(extract(epoch FROM t - bucket_of(t, 10080)) / 900)::integer END;

CREATE FUNCTION microseconds(d interval) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (extract(epoch FROM d) * 1000000)::bigint;

-- Log-scaled, base 1.02: bucket i holds (1.02^(i-1), 1.02^i] ms, so its middle is within 1 % of any value in it; 0 ms is bucket -1.
CREATE FUNCTION latency_bucket(duration_ms bigint) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN duration_ms <= 0 THEN -1 ELSE ceil(round((ln(duration_ms::float8) / ln(1.02::float8))::numeric, 9))::smallint END;

CREATE FUNCTION latency_of(latency_bucket integer) RETURNS float8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN latency_bucket < 0 THEN 0 ELSE 2 * power(1.02::float8, latency_bucket) / 2.02 END;

-- From the union of [t, t + gap) to the time between neighbours that are at most a gap apart.
CREATE FUNCTION without_gap(ranges tstzmultirange, gap interval) RETURNS tstzmultirange
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(range_agg(tstzrange(lower(r), upper(r) - gap)), '{}')
            FROM unnest(ranges) AS r WHERE upper(r) - gap > lower(r));

CREATE FUNCTION measure_us(ranges tstzmultirange) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(sum(microseconds(upper(r) - lower(r))), 0)::bigint FROM unnest(ranges) AS r);

-- Cuts at the edges of the grain's buckets: one row a bucket and range. Takes bounded ranges only.
CREATE FUNCTION cut_at_buckets(ranges tstzmultirange, grain_minutes integer)
    RETURNS TABLE (bucket_start timestamptz, piece tstzrange)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT b, r * tstzrange(b, b + make_interval(mins => grain_minutes))
        FROM unnest(ranges) AS r,
             generate_series(bucket_of(lower(r), grain_minutes), upper(r), make_interval(mins => grain_minutes)) AS b
        WHERE b < upper(r);
    END;

-- Of two flat objects of numbers, the greater number under each key.
CREATE FUNCTION greatest_of_each(a jsonb, b jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT jsonb_object_agg(key, n)
            FROM (SELECT key, max(value::bigint) AS n
                  FROM (SELECT * FROM jsonb_each_text(coalesce(a, '{}')) UNION ALL SELECT * FROM jsonb_each_text(coalesce(b, '{}'))) AS pairs
                  GROUP BY key) AS greatest);

-- Of two flat objects of numbers, the sum under each key.
CREATE FUNCTION sum_of_each(a jsonb, b jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(jsonb_object_agg(key, n), '{}')
            FROM (SELECT key, sum(value::bigint) AS n FROM (SELECT * FROM jsonb_each_text(a) UNION ALL SELECT * FROM jsonb_each_text(b)) AS pairs
                  GROUP BY key) AS sums);

-- Vectors of counters: a numeric holds a counter at every so many decimal digits, so sum(numeric) adds all of them at once, in any order, and takes
-- away what is withdrawn (docs/adr/0008). n × 10^(digits × place); services/query/queries/stats/packed_counters.py reads them.
CREATE FUNCTION placed(n numeric, place integer, digits integer) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN n * ('1e' || (place * digits)::text)::numeric;

-- Which imports brought a row: their numbers, rising; 0 stands for everything that came over the wire. NULL is {0}, so that a live row pays nothing.
CREATE FUNCTION brought_too(before integer[], now integer) RETURNS integer[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN now = ANY(coalesce(before, '{0}')) THEN before
                ELSE (SELECT array_agg(n ORDER BY n) FROM unnest(coalesce(before, '{0}') || now) AS n) END;
