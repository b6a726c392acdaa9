-- What hooks say of how sessions end: clear, logout, …. It counts while nothing came after that end. NULL: no hook said so.
ALTER TABLE session_facts ADD COLUMN IF NOT EXISTS end_reason text;
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS end_reason text;
