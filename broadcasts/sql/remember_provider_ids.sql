-- remember_provider_ids · the way back from the provider's id; the first word counts
INSERT INTO broadcasts_providermessage (sender_id, provider_id, broadcast_id, recipient_id, attempt)
SELECT %(sender_id)s, provider_id, %(broadcast_id)s, recipient_id, attempt
FROM unnest(%(provider_ids)s::text[], %(ids)s::bigint[], %(attempts)s::smallint[]) AS p (provider_id, recipient_id, attempt)
ON CONFLICT DO NOTHING
