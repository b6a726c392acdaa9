-- name: add
INSERT INTO audit_log (who, act, subject, details, request_id)
VALUES (%(who)s, %(act)s, %(subject)s, %(details)s, %(request_id)s)
