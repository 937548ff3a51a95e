-- import_evidence · adds the interactions that are not known yet, and lays out one link of proof per person for the ledger
-- in: business_id, batch_id, batch_code, kind_names, now
WITH added AS (
    INSERT INTO consent_interaction
        (business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered, evidence, batch_id, created_at)
    SELECT %(business_id)s, p.recipient_id, r.kind, 2, r.occurred_at, r.opt_out_offered, r.evidence, %(batch_id)s, %(now)s
    FROM import_row r
    JOIN import_person p USING (value)
    WHERE r.kind IS NOT NULL
    ORDER BY p.recipient_id, r.line
    ON CONFLICT (business_id, recipient_id, kind, occurred_at, evidence) DO NOTHING
    RETURNING recipient_id, kind, occurred_at, opt_out_offered, evidence
)
INSERT INTO new_link
SELECT recipient_id,
       %(business_id)s,
       'interaction',
       jsonb_build_object(
           'via', 'import',
           'batch', %(batch_code)s::text,
           'provenance', 'attested',
           'interactions', jsonb_agg(jsonb_build_object(
               'kind', (%(kind_names)s::text[])[kind],
               'occurred_at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
               'evidence', evidence,
               'opt_out_offered', opt_out_offered
           ) ORDER BY occurred_at)
       )
FROM added
GROUP BY recipient_id
