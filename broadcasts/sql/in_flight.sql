-- in_flight · rows that an earlier owner of the chunk handed over, or was about to, without writing down what came of it
SELECT recipient_id, variables IS NULL AS lacks_variable, attempt, version_id, variables, price_micro, state, gated_at
FROM broadcasts_delivery
WHERE broadcast_id = %(broadcast_id)s AND recipient_id = ANY(%(ids)s::bigint[]) AND state IN (10, 20)
ORDER BY recipient_id
FOR NO KEY UPDATE
