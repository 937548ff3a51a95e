-- mark_go · the gate's yes: a new attempt begins, and the passport is stamped with what was seen
UPDATE broadcasts_delivery d
SET state = 10,
    attempt = d.attempt + 1,
    gated_at = %(now)s,
    interaction_id = go.interaction_id,
    basis = go.basis,
    cap_counts = go.cap_counts::smallint[]
FROM unnest(%(ids)s::bigint[], %(interaction_ids)s::bigint[], %(bases)s::smallint[], %(cap_counts)s::text[])
     AS go (recipient_id, interaction_id, basis, cap_counts)
WHERE d.broadcast_id = %(broadcast_id)s AND d.recipient_id = go.recipient_id AND d.state = 0
RETURNING d.recipient_id, d.attempt, d.version_id, d.variables, d.price_micro
