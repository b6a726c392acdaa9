-- name: silent
-- A laptop that nobody has used for two weeks is not missed, unless its last report said that something is still to be sent.
SELECT count(*) AS number FROM machines
WHERE last_heard_at < now() - make_interval(hours => %(silent_hours)s)
    AND (last_heard_at > now() - interval '14 days'
        OR coalesce((report ->> 'spool_files')::bigint, 0) + coalesce((report ->> 'files_unsent')::bigint, 0) > 0)
    AND NOT coalesce((report ->> 'is_for_jobs')::boolean, false)
