-- mark_skip · the gate's no: final, with its one reason
UPDATE broadcasts_delivery d
SET state = 5, reason = no.reason
FROM unnest(%(ids)s::bigint[], %(reasons)s::smallint[]) AS no (recipient_id, reason)
WHERE d.broadcast_id = %(broadcast_id)s AND d.recipient_id = no.recipient_id AND d.state = 0
