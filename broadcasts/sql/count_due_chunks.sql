-- count_due_chunks · how many chunks wait for a lane, counted no further than is needed
SELECT count(*)
FROM (
    SELECT 1
    FROM broadcasts_broadcast b
    CROSS JOIN LATERAL (
        SELECT 1
        FROM broadcasts_chunk k
        WHERE k.broadcast_id = b.id
          AND k.done_at IS NULL
          AND (b.state <> 'sending' OR b.ends_at <= %(now)s OR (k.wave <= b.open_wave AND k.due_at <= %(now)s
                    AND emergency_stop_of(b.id, b.business_id, b.sender_id, b.template_id, k.country) IS NULL))
          AND (k.lease_until IS NULL OR k.lease_until < clock_timestamp())
        LIMIT %(most)s
    ) due
    WHERE b.settled_at IS NULL
      AND (b.state IN ('sending', 'cancelled', 'halted') OR (b.state = 'paused' AND b.ends_at <= %(now)s))
      AND b.n_done < b.n_chunks
    LIMIT %(most)s
) found
