-- drain · what still waits in a chunk of a broadcast that ended gets its one reason
WITH moved AS (
    UPDATE broadcasts_delivery d
    SET state = 5, reason = %(reason)s
    FROM (
        SELECT %(broadcast_id)s::bigint AS broadcast_id, id
        FROM unnest(%(ids)s::bigint[]) AS ids (id)
        OFFSET 0  -- see mark_go
    ) waiting
    WHERE d.broadcast_id = waiting.broadcast_id
      AND d.recipient_id = waiting.id
      AND d.state = 0
      AND d.broadcast_id BETWEEN %(broadcast_id)s / 256 * 256 AND %(broadcast_id)s / 256 * 256 + 255
    RETURNING d.recipient_id
)
SELECT count(*) FROM moved
