-- name: add_words
-- In the order of the words: neighbours share pages.
INSERT INTO search_words AS w (word, found_in)
SELECT * FROM unnest(%(words)b::text[], %(found_in)s::bigint[]) AS added (word, found_in) ORDER BY word
ON CONFLICT (word) DO UPDATE SET found_in = w.found_in + excluded.found_in

-- name: delete_unused_words
DELETE FROM search_words WHERE word = ANY(%(words)s::text[]) AND found_in <= 0
