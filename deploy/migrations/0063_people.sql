-- The person that a name means: whoever has it, or has it as a former name. NULL: nobody.
CREATE FUNCTION person_of(name text) RETURNS bigint LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(u.alias_of, u.id) FROM users AS u WHERE u.name = person_of.name);

-- Whether two names mean one person. A key may be bound to a name of which nothing has come yet.
CREATE FUNCTION is_same_person(one text, other text) RETURNS boolean LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN one = other OR coalesce(person_of(one) = person_of(other), false);

-- The rule's person may have been merged and the session's too; rules and rows move some time later. Of two rules the one that keeps more counts.
CREATE OR REPLACE FUNCTION retention_days(kind text, project bigint, person bigint, setting integer) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT days FROM (
        SELECT r.days, r.user_id IS NULL AS is_of_many, r.project_id IS NULL AS is_of_all, false AS is_setting
        FROM retention_rules AS r LEFT JOIN users AS u ON u.id = r.user_id
        WHERE r.what = kind AND (r.project_id IS NULL OR r.project_id = project)
          AND (r.user_id IS NULL OR coalesce(u.alias_of, u.id) = coalesce((SELECT p.alias_of FROM users AS p WHERE p.id = person), person))
        UNION ALL SELECT nullif(setting, 0), true, true, true
    ) AS rules ORDER BY is_setting, is_of_many, is_of_all, days DESC NULLS FIRST LIMIT 1);

-- Of marks whose session is gone, as after the undo of an import: whose it was. They say nothing while the session is there.
ALTER TABLE session_marks
    ADD COLUMN user_id bigint,
    ADD COLUMN project_id bigint;

-- The tables that a run has deleted from or emptied.
ALTER TABLE retention_runs ADD COLUMN changed_tables text[] NOT NULL DEFAULT '{}';
