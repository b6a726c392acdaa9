-- Other names of users: a user who was renamed or merged keeps the old name as an alias, so later events of that name are stored under the new one.

ALTER TABLE users
    ADD COLUMN alias_of bigint,                -- the user that this name stands for
    ADD COLUMN merge_requested_at timestamptz; -- rows with this id still have to move to alias_of; NULL: none are left
