-- name: add_words
-- In the order of the words: neighbours share pages.
INSERT INTO search_words AS w (word, documents, found_in)
SELECT * FROM unnest(%(words)b::text[], %(documents)s::bigint[], %(found_in)s::bigint[]) AS added (word, documents, found_in) ORDER BY word
ON CONFLICT (word) DO UPDATE SET documents = w.documents + excluded.documents, found_in = w.found_in + excluded.found_in

-- name: delete_unused_words
DELETE FROM search_words WHERE word = ANY(%(words)s::text[]) AND documents <= 0 AND found_in <= 0
