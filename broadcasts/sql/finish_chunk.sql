-- finish_chunk · closes a chunk that the lane still owns and counts it; answers whether it was the broadcast's last, or nothing
-- Nothing of it may still be in the hands of a lane (state 10): outcomes are committed asynchronously, and a PostgreSQL
-- that was restarted may have forgotten some that the lane believes to be written down.
WITH done AS (
    UPDATE broadcasts_chunk c
    SET done_at = %(now)s, owner = NULL
    WHERE c.id = %(chunk_id)s AND c.owner = %(owner)s AND c.done_at IS NULL
      AND NOT EXISTS (
          SELECT 1
          FROM unnest(c.recipient_ids) AS ids (id)
          CROSS JOIN LATERAL (
              -- One look-up by the whole key for each person, as in lock_deliveries.
              SELECT w.state FROM broadcasts_delivery w WHERE w.broadcast_id = c.broadcast_id AND w.recipient_id = ids.id OFFSET 0
          ) d
          WHERE d.state = 10
      )
    RETURNING c.broadcast_id
)
UPDATE broadcasts_broadcast b
SET n_done = b.n_done + 1,
    n_chunks = b.n_chunks + %(n_later)s
FROM done
WHERE b.id = done.broadcast_id
RETURNING b.n_done = b.n_chunks
