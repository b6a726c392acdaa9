-- Keys that are bound to projects read the content of the files that they see (0018_machines.sql).

ALTER TABLE transcript_ranges ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON transcript_ranges FOR SELECT TO tracker_bound USING (EXISTS (SELECT FROM transcript_files AS f WHERE f.id = file_id));

ALTER TABLE transcript_segments ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON transcript_segments FOR SELECT TO tracker_bound USING (EXISTS (SELECT FROM transcript_files AS f WHERE f.id = file_id));

GRANT SELECT ON transcript_ranges, transcript_segments TO tracker_bound;

-- For the sweep of old content.
CREATE INDEX transcript_files_by_change ON transcript_files (changed_at);
