-- drain · what still waits in a chunk of a broadcast that ended gets its one reason
WITH moved AS (
    UPDATE broadcasts_delivery
    SET state = 5, reason = %(reason)s
    WHERE broadcast_id = %(broadcast_id)s AND recipient_id = ANY(%(ids)s::bigint[]) AND state = 0
    RETURNING recipient_id
)
SELECT count(*) FROM moved
