-- The user that the API key of live capture was bound to. Only such a key is kept from sessions of other users; NULL: the key was not bound.

ALTER TABLE transcript_files ADD COLUMN bound_user text;
ALTER TABLE hook_payloads ADD COLUMN bound_user text;
