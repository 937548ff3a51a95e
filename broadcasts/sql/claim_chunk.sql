-- claim_chunk · gives one due chunk to a lane: first of the broadcast that was served longest ago, so that tenants take turns
-- A broadcast that ended is drained whatever its chunks' waves, hours and emergency stops; what this lane is busy with waits its turn.
UPDATE broadcasts_chunk taken
SET owner = %(owner)s,
    lease_until = clock_timestamp() + %(lease_seconds)s * interval '1 second',
    -- As many as the column holds: after days of an unreachable provider it must not be this that stops everybody.
    attempts = LEAST(taken.attempts + 1, 32000)
FROM (
    SELECT c.id
    FROM broadcasts_broadcast b
    CROSS JOIN LATERAL (
        SELECT k.id
        FROM broadcasts_chunk k
        WHERE k.broadcast_id = b.id
          AND k.done_at IS NULL
          AND (b.state <> 'sending' OR b.ends_at <= %(now)s OR (k.wave <= b.open_wave AND k.due_at <= %(now)s
                    AND emergency_stop_of(b.id, b.business_id, b.sender_id, b.template_id, k.country) IS NULL))
          AND (k.lease_until IS NULL OR k.lease_until < clock_timestamp())
        ORDER BY k.wave, k.due_at, k.id
        LIMIT 1
        FOR NO KEY UPDATE SKIP LOCKED
    ) c
    WHERE b.settled_at IS NULL
      AND (b.state IN ('sending', 'cancelled', 'halted') OR (b.state = 'paused' AND b.ends_at <= %(now)s))
      AND b.n_done < b.n_chunks
      AND NOT b.id = ANY(%(busy)s::bigint[])
      AND NOT b.business_id = ANY(%(busy_businesses)s::bigint[])
    ORDER BY b.served_at NULLS FIRST, b.id
    LIMIT 1
) found
WHERE taken.id = found.id
RETURNING taken.id, taken.broadcast_id, taken.wave, taken.country, taken.timezone, taken.recipient_ids, taken.attempts
