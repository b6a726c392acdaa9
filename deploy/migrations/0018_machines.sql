-- Machines: the order of their list, and what a key that is bound to projects sees of them.

CREATE INDEX machines_by_name ON machines (name, machine_id);

-- The sessions that were seen on a machine, by its id or its name. A machine that was forgotten is known by its id.
CREATE FUNCTION sessions_of_machine(machine text) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT s.session_id FROM session_machines AS s
        WHERE s.machine_id = machine OR s.machine_id IN (SELECT m.machine_id FROM machines AS m WHERE m.name = machine);
    END;

-- Machines on which a session of its projects was seen.
ALTER TABLE session_machines ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON session_machines FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = session_machines.session_id));
ALTER TABLE machines ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON machines FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM session_machines AS m WHERE m.machine_id = machines.machine_id));
GRANT SELECT ON session_machines, machines TO tracker_bound;

-- Which of a machine's transcripts are here; those of its projects' sessions.
ALTER TABLE transcript_files ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound_by_session ON transcript_files FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = transcript_files.session_id));
GRANT SELECT ON transcript_files TO tracker_bound;
