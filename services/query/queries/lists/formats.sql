-- name: unread
SELECT version, kind, name, count, first_seen_at, last_seen_at FROM unread_formats ORDER BY kind, name
