-- forget_contacts · deletes these contacts with their evidence, unless something came in meanwhile; callers hold the people's locks
-- in: ids, before
-- out: business_id, code
WITH gone AS (
    DELETE FROM consent_contact c
    WHERE c.id = ANY(%(ids)s::bigint[])
      AND NOT EXISTS (
          SELECT 1
          FROM consent_interaction i
          WHERE i.business_id = c.business_id AND i.recipient_id = c.recipient_id
            AND i.withdrawn_at IS NULL AND i.occurred_at >= %(before)s
      )
    RETURNING c.business_id, c.recipient_id, c.code
),
evidence AS (
    DELETE FROM consent_interaction i
    USING gone
    WHERE i.business_id = gone.business_id AND i.recipient_id = gone.recipient_id
)
SELECT business_id, code
FROM gone
