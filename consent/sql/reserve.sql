-- reserve · one slot per person for this broadcast; a repeated attempt moves its slot to the new moment
-- Until its arrival is known a slot counts as late as the offer may still arrive: may_arrive_until.
INSERT INTO consent_capentry (recipient_id, broadcast_id, business_id, reserved_at, counts_at)
SELECT id, %(broadcast_id)s, %(business_id)s, %(now)s, %(may_arrive_until)s
FROM unnest(%(ids)s::bigint[]) AS granted (id)
ON CONFLICT (recipient_id, broadcast_id) DO UPDATE
SET reserved_at = EXCLUDED.reserved_at,
    counts_at = EXCLUDED.counts_at
