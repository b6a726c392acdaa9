-- A session belongs to its owner, whoever writes into it and by whichever way (services/worker/persist/ownership.py).

-- What the API key was bound to that brought the event: {"user": "ann", "project_ids": [7]}. A replay may not do more than the key could.
ALTER TABLE dead_letters ADD COLUMN bound jsonb;

-- Whether a captured file that came by a key of this user belongs to a session of that owner. A file of another user, which came before the session
-- had an owner, is kept and not shown. It sees all users, also for keys that are bound to projects.
CREATE FUNCTION is_file_of(bound_user text, owner_id bigint) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT bound_user IS NULL OR coalesce(owner_id, 0) = 0
            OR EXISTS (
                SELECT FROM public.users AS u LEFT JOIN public.users AS owner ON owner.id = owner_id
                WHERE u.name = bound_user AND coalesce(u.alias_of, u.id) = coalesce(owner.alias_of, owner_id));
    END;
