-- record_event · appends an event under the business's next number; the number's row stays locked until commit
WITH next AS (
    INSERT INTO businesses_eventsequence AS sequence (business_id, last)
    VALUES (%(business_id)s, 1)
    ON CONFLICT (business_id) DO UPDATE SET last = sequence.last + 1
    RETURNING last
)
INSERT INTO businesses_event (business_id, sequence, kind, schema_version, payload, created_at)
SELECT %(business_id)s, next.last, %(kind)s, 1, %(payload)s::jsonb, %(now)s
FROM next
