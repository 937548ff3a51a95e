-- reserve · one slot per person for this broadcast; a repeated attempt moves its slot to the new moment
INSERT INTO consent_capentry (recipient_id, broadcast_id, business_id, reserved_at)
SELECT id, %(broadcast_id)s, %(business_id)s, %(now)s
FROM unnest(%(ids)s::bigint[]) AS granted (id)
ON CONFLICT (recipient_id, broadcast_id) DO UPDATE SET reserved_at = EXCLUDED.reserved_at
