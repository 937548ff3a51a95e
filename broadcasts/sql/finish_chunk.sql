-- finish_chunk · closes a chunk that the lane still owns and counts it; answers whether it was the broadcast's last, or nothing
WITH done AS (
    UPDATE broadcasts_chunk
    SET done_at = %(now)s, owner = NULL
    WHERE id = %(chunk_id)s AND owner = %(owner)s AND done_at IS NULL
    RETURNING broadcast_id
)
UPDATE broadcasts_broadcast b
SET n_done = b.n_done + 1,
    n_chunks = b.n_chunks + %(n_later)s
FROM done
WHERE b.id = done.broadcast_id
RETURNING b.n_done = b.n_chunks
