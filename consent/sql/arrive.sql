-- arrive · from now on each slot counts at the moment its offer arrived; a slot that was given back is taken again
-- A provider's clock may be wrong: nothing arrives before it was handed over, and nothing has arrived in the future.
INSERT INTO consent_capentry AS e (recipient_id, broadcast_id, business_id, reserved_at, counts_at)
SELECT id, %(broadcast_id)s, %(business_id)s, LEAST(arrived_at, %(now)s), LEAST(arrived_at, %(now)s)
FROM unnest(%(ids)s::bigint[], %(arrived_ats)s::timestamptz[]) AS arrived (id, arrived_at)
ORDER BY id
ON CONFLICT (recipient_id, broadcast_id) DO UPDATE
SET counts_at = GREATEST(EXCLUDED.counts_at, e.reserved_at)
WHERE e.counts_at > GREATEST(EXCLUDED.counts_at, e.reserved_at)
