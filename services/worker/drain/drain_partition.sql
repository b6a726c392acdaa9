-- name: count_in_ledger
INSERT INTO ledger AS l (slot, persisted, duplicates, dead, left_out, last_received_at)
VALUES (%(slot)s, %(persisted)s, %(duplicates)s, %(dead)s, %(left_out)s, %(last_received_at)s)
ON CONFLICT (slot) DO UPDATE SET persisted = l.persisted + excluded.persisted, duplicates = l.duplicates + excluded.duplicates,
    dead = l.dead + excluded.dead, left_out = l.left_out + excluded.left_out,
    last_received_at = greatest(l.last_received_at, excluded.last_received_at)

-- name: count_in_ledger_and_account
WITH all_time AS (
    INSERT INTO ledger AS l (slot, persisted, duplicates, dead, left_out, last_received_at)
    VALUES (%(slot)s, %(persisted)s, %(duplicates)s, %(dead)s, %(left_out)s, %(last_received_at)s)
    ON CONFLICT (slot) DO UPDATE SET persisted = l.persisted + excluded.persisted, duplicates = l.duplicates + excluded.duplicates,
        dead = l.dead + excluded.dead, left_out = l.left_out + excluded.left_out,
        last_received_at = greatest(l.last_received_at, excluded.last_received_at)
)
INSERT INTO accounts AS a (epoch, slot, persisted, duplicates, dead, left_out)
VALUES (%(epoch)s, %(slot)s, %(persisted)s + %(canaries)s, %(duplicates)s + %(canary_duplicates)s, %(dead)s, %(left_out)s)
ON CONFLICT (epoch, slot) DO UPDATE SET persisted = a.persisted + excluded.persisted, duplicates = a.duplicates + excluded.duplicates,
    dead = a.dead + excluded.dead, left_out = a.left_out + excluded.left_out
