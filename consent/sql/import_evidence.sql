-- import_evidence · adds the interactions that are not known yet, and lays out one link of proof per person known before
-- in: business_id, batch_id, batch_code, kind_names, now
WITH fresh AS (
    -- Of whom this file has made nothing can be known yet, and its own repetitions are out already. Their links: beginnings.
    INSERT INTO consent_interaction
        (business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered, evidence, batch_id, is_probe, created_at)
    SELECT %(business_id)s, p.recipient_id, r.kind, 2, r.occurred_at, r.opt_out_offered, r.evidence, %(batch_id)s, FALSE, %(now)s
    FROM import_row r
    JOIN import_person p USING (value)
    WHERE r.kind IS NOT NULL AND p.is_new
    ORDER BY p.recipient_id
),
added AS (
    INSERT INTO consent_interaction AS known
        (business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered, evidence, batch_id, is_probe, created_at)
    SELECT DISTINCT ON (p.recipient_id, r.kind, r.occurred_at, r.evidence)
           %(business_id)s, p.recipient_id, r.kind, 2, r.occurred_at, r.opt_out_offered, r.evidence, %(batch_id)s, FALSE, %(now)s
    FROM import_row r
    JOIN import_person p USING (value)
    WHERE r.kind IS NOT NULL AND NOT p.is_new
    ORDER BY p.recipient_id, r.kind, r.occurred_at, r.evidence, r.line
    ON CONFLICT (business_id, recipient_id, kind, occurred_at, evidence) WHERE withdrawn_at IS NULL
    -- What an undo has not reached yet is brought again: from now on it stands on this batch's word.
    DO UPDATE
    SET batch_id = EXCLUDED.batch_id, is_probe = FALSE, opt_out_offered = EXCLUDED.opt_out_offered, created_at = EXCLUDED.created_at
    WHERE EXISTS (SELECT 1 FROM consent_importbatch b WHERE b.id = known.batch_id AND b.trust = 'withdrawn')
    RETURNING recipient_id, kind, occurred_at, opt_out_offered, evidence
)
INSERT INTO new_link
SELECT recipient_id,
       %(business_id)s,
       'interaction',
       jsonb_build_object(
           'via', 'import',
           'actor', 'business',
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
