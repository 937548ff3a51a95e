-- mark_skip · the gate's no: final, with its one reason
UPDATE broadcasts_delivery d
SET state = 5, reason = no.reason
FROM (
    SELECT %(broadcast_id)s::bigint AS broadcast_id, refused.*
    FROM unnest(%(ids)s::bigint[], %(reasons)s::smallint[]) AS refused (recipient_id, reason)
    OFFSET 0  -- see mark_go
) no
WHERE d.broadcast_id = no.broadcast_id
  AND d.recipient_id = no.recipient_id
  AND d.state = 0
  AND d.broadcast_id BETWEEN %(broadcast_id)s / 256 * 256 AND %(broadcast_id)s / 256 * 256 + 255
