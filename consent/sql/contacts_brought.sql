-- contacts_brought · of the business's next contacts, whom this file made; the last row names how far was looked (NULL = there are no more)
-- in:  batch_id, business_id, after, n
-- out: recipient_ids, last contact looked at
WITH next AS MATERIALIZED (
    SELECT id, recipient_id, brought_by_id
    FROM consent_contact
    WHERE business_id = %(business_id)s AND id > %(after)s
    ORDER BY id
    LIMIT %(n)s
)
SELECT COALESCE(array_agg(recipient_id ORDER BY recipient_id) FILTER (WHERE brought_by_id = %(batch_id)s), '{}'), max(id)
FROM next
