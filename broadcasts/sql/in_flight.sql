-- in_flight · rows that an earlier owner of the chunk handed over, or was about to, without writing down what came of it
-- One look-up by the whole key for each person, as in lock_deliveries.
SELECT d.recipient_id, d.variables IS NULL AS lacks_variable, d.attempt, d.version_id, d.variables, d.price_micro, d.state,
       d.gated_at
FROM (SELECT id FROM unnest(%(ids)s::bigint[]) AS ids (id) ORDER BY id) asked
CROSS JOIN LATERAL (
    SELECT *
    FROM broadcasts_delivery w
    WHERE w.broadcast_id = %(broadcast_id)s AND w.recipient_id = asked.id AND w.state IN (10, 20)
    FOR NO KEY UPDATE
) d
