-- attest_evidence · adds the attested interactions that are not known yet, lays out one link of proof per person for the
-- ledger, and answers with what was added; callers hold the locks of batch and people
-- in:  dealings (JSON: recipient_id, kind, occurred_at, opt_out_offered, evidence), business_id, batch_id, batch_code, kind_names, now
-- out: recipient_id, kind, occurred_at, evidence
WITH added AS (
    INSERT INTO consent_interaction AS known
        (business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered, evidence, batch_id, is_probe, created_at)
    SELECT DISTINCT ON (d.recipient_id, d.kind, d.occurred_at, d.evidence)
           %(business_id)s, d.recipient_id, d.kind, 2, d.occurred_at, d.opt_out_offered, d.evidence, %(batch_id)s,
           -- Whoever is in the probe is in it with all of their evidence.
           EXISTS (SELECT 1 FROM consent_interaction p
                   WHERE p.batch_id = %(batch_id)s AND p.recipient_id = d.recipient_id AND p.is_probe),
           %(now)s
    FROM jsonb_to_recordset(%(dealings)s::jsonb)
        AS d (recipient_id bigint, kind smallint, occurred_at timestamptz, opt_out_offered boolean, evidence text)
    ORDER BY d.recipient_id, d.kind, d.occurred_at, d.evidence
    ON CONFLICT (business_id, recipient_id, kind, occurred_at, evidence) WHERE withdrawn_at IS NULL
    -- See import_evidence: what an undo has not reached yet stands on this batch's word from now on.
    DO UPDATE
    SET batch_id = EXCLUDED.batch_id, is_probe = FALSE, opt_out_offered = EXCLUDED.opt_out_offered, created_at = EXCLUDED.created_at
    WHERE EXISTS (SELECT 1 FROM consent_importbatch b WHERE b.id = known.batch_id AND b.trust = 'withdrawn')
    RETURNING recipient_id, kind, occurred_at, opt_out_offered, evidence
),
laid_out AS (
    INSERT INTO new_link
    SELECT recipient_id,
           %(business_id)s,
           'interaction',
           jsonb_build_object(
               'via', 'api',
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
)
SELECT recipient_id, kind, occurred_at, evidence
FROM added
