-- lock_deliveries · the batch's rows that still wait, locked in recipient order
SELECT recipient_id, variables IS NULL AS lacks_variable, price_micro
FROM broadcasts_delivery
WHERE broadcast_id = %(broadcast_id)s AND recipient_id = ANY(%(ids)s::bigint[]) AND state = 0
ORDER BY recipient_id
FOR NO KEY UPDATE
