-- give_back · frees the slots of messages that certainly did not arrive
-- Whoever is part of somebody else by now: their slot is that one's, under the number that merge_slots gave it.
DELETE FROM consent_capentry e
USING (
    SELECT COALESCE(person.merged_into_id, told.id) AS recipient_id,
           CASE WHEN person.merged_into_id IS NULL THEN %(broadcast_id)s::bigint
                ELSE -abs(hashint8extended(%(broadcast_id)s::bigint, told.id)) END AS broadcast_id
    FROM unnest(%(ids)s::bigint[]) AS told (id)
    LEFT JOIN LATERAL (SELECT p.merged_into_id FROM consent_recipient p WHERE p.id = told.id LIMIT 1) person ON TRUE
) slot
WHERE e.recipient_id = slot.recipient_id AND e.broadcast_id = slot.broadcast_id
