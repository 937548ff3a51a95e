-- arrive · from now on each slot counts at the moment its offer arrived; a slot that was given back is taken again
-- A provider's clock may be wrong: nothing arrives before it was handed over, and nothing has arrived in the future.
-- Whoever is part of somebody else by now: their slot is that one's, under the number that merge_slots gave it.
INSERT INTO consent_capentry AS e (recipient_id, broadcast_id, business_id, reserved_at, counts_at)
SELECT COALESCE(person.merged_into_id, arrived.id),
       CASE WHEN person.merged_into_id IS NULL THEN %(broadcast_id)s::bigint
            ELSE -abs(hashint8extended(%(broadcast_id)s::bigint, arrived.id)) END,
       %(business_id)s, LEAST(arrived_at, %(now)s), LEAST(arrived_at, %(now)s)
FROM unnest(%(ids)s::bigint[], %(arrived_ats)s::timestamptz[]) AS arrived (id, arrived_at)
LEFT JOIN LATERAL (SELECT p.merged_into_id FROM consent_recipient p WHERE p.id = arrived.id LIMIT 1) person ON TRUE
ORDER BY 1
ON CONFLICT (recipient_id, broadcast_id) DO UPDATE
SET counts_at = GREATEST(EXCLUDED.counts_at, e.reserved_at)
WHERE e.counts_at > GREATEST(EXCLUDED.counts_at, e.reserved_at)
