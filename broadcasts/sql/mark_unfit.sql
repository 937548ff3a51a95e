-- mark_unfit · rows whose frozen values do not fill the words are taken back before anything leaves
UPDATE broadcasts_delivery d
SET state = 5, reason = 70
FROM (
    SELECT %(broadcast_id)s::bigint AS broadcast_id, id
    FROM unnest(%(ids)s::bigint[]) AS ids (id)
    OFFSET 0  -- see mark_go
) unfit
WHERE d.broadcast_id = unfit.broadcast_id
  AND d.recipient_id = unfit.id
  AND d.state = 10
  AND d.broadcast_id BETWEEN %(broadcast_id)s / 256 * 256 AND %(broadcast_id)s / 256 * 256 + 255
