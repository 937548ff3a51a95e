-- silent_contacts · contacts who came in, and last did something, before a date; young ones cost no look-up
-- in: before, limit (null: all)
SELECT c.id, c.recipient_id
FROM consent_contact c
CROSS JOIN LATERAL (
    SELECT max(i.occurred_at) AS at
    FROM consent_interaction i
    WHERE i.business_id = c.business_id AND i.recipient_id = c.recipient_id AND i.withdrawn_at IS NULL
) last
WHERE c.created_at < %(before)s
  AND (last.at IS NULL OR last.at < %(before)s)
ORDER BY c.id
LIMIT %(limit)s
