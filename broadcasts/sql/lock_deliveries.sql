-- lock_deliveries · the batch's rows that still wait, locked in recipient order
-- One look-up by the whole key for each person: a broadcast that was frozen a moment ago is unknown to the statistics,
-- and the planner, believing that it has one row, would read all of it for every batch.
SELECT d.recipient_id, d.variables IS NULL AS lacks_variable, d.price_micro
FROM (SELECT id FROM unnest(%(ids)s::bigint[]) AS ids (id) ORDER BY id) asked
CROSS JOIN LATERAL (
    SELECT w.recipient_id, w.variables, w.price_micro
    FROM broadcasts_delivery w
    WHERE w.broadcast_id = %(broadcast_id)s AND w.recipient_id = asked.id AND w.state = 0
    FOR NO KEY UPDATE
) d
