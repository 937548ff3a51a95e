-- forget_variables · empties the values that were frozen for one person; one look-up by the whole key for each broadcast
-- in: broadcast_ids (sorted), recipient_ids (sorted: a person and those merged into them)
-- Locked like everywhere: by recipient, then broadcast.
WITH held AS MATERIALIZED (
    SELECT d.broadcast_id, d.recipient_id
    FROM (SELECT id FROM unnest(%(recipient_ids)s::bigint[]) AS people (id) ORDER BY id) person
    CROSS JOIN (SELECT id FROM unnest(%(broadcast_ids)s::bigint[]) AS broadcasts (id) ORDER BY id) broadcast
    CROSS JOIN LATERAL (
        SELECT w.broadcast_id, w.recipient_id
        FROM broadcasts_delivery w
        WHERE w.broadcast_id = broadcast.id AND w.recipient_id = person.id AND w.variables IS NOT NULL
        FOR NO KEY UPDATE
    ) d
)
UPDATE broadcasts_delivery delivery
SET variables = NULL
FROM held
WHERE delivery.broadcast_id = held.broadcast_id AND delivery.recipient_id = held.recipient_id
