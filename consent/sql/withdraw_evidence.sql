-- withdraw_evidence · withdraws what a batch says of the people at hand, and lays out one link of proof each for the ledger
-- in: batch_id, batch_code, business_id, ids (locked), kind_names, now
WITH withdrawn AS (
    UPDATE consent_interaction i
    SET withdrawn_at = %(now)s
    WHERE i.batch_id = %(batch_id)s AND i.recipient_id = ANY(%(ids)s::bigint[]) AND i.withdrawn_at IS NULL
    RETURNING i.recipient_id, i.kind, i.occurred_at, i.evidence
)
INSERT INTO new_link
SELECT recipient_id,
       %(business_id)s,
       'withdrawn',
       jsonb_build_object(
           'via', 'undo',
           'actor', 'business',
           'batch', %(batch_code)s::text,
           'interactions', jsonb_agg(jsonb_build_object(
               'kind', (%(kind_names)s::text[])[kind],
               'occurred_at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
               'evidence', evidence
           ) ORDER BY occurred_at)
       )
FROM withdrawn
GROUP BY recipient_id
