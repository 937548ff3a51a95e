-- count · so many deliveries entered (or, negative, left) each state; committed with the change that it counts
INSERT INTO broadcasts_countdelta (broadcast_id, variant, state, reason, n)
SELECT %(broadcast_id)s, 0, state, reason, n
FROM unnest(%(states)s::smallint[], %(reasons)s::smallint[], %(ns)s::integer[]) AS delta (state, reason, n)
