-- mark_go · the gate's yes: a new attempt begins, and the passport is stamped with what was seen
-- The broadcast's id comes from the rows, and as a range it only names the partition: see lock_deliveries for why.
UPDATE broadcasts_delivery d
SET state = 10,
    -- The codes have one byte for it. After so many that never left, one more may bear the same number.
    attempt = LEAST(d.attempt + 1, 255),
    gated_at = %(now)s,
    interaction_id = go.interaction_id,
    basis = go.basis,
    cap_counts = go.cap_counts::smallint[]
FROM (
    SELECT %(broadcast_id)s::bigint AS broadcast_id, passed.*
    FROM unnest(%(ids)s::bigint[], %(interaction_ids)s::bigint[], %(bases)s::smallint[], %(cap_counts)s::text[])
        AS passed (recipient_id, interaction_id, basis, cap_counts)
    OFFSET 0
) go
WHERE d.broadcast_id = go.broadcast_id
  AND d.recipient_id = go.recipient_id
  AND d.state = 0
  AND d.broadcast_id BETWEEN %(broadcast_id)s / 256 * 256 AND %(broadcast_id)s / 256 * 256 + 255
RETURNING d.recipient_id, d.attempt, d.version_id, d.variables, d.price_micro
