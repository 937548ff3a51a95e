-- import_stops · stops the offers of the whole company to everybody who stops in the file, and lays out their links of proof
-- in: legal_entity_id, business_id, batch_code, now
-- out: how many stopped now; who had stopped before stays as they were
WITH stopped AS (
    INSERT INTO consent_refusal AS f (legal_entity_id, recipient_id, kind, via, refused_at)
    SELECT %(legal_entity_id)s, recipient_id, 1, 'import', %(now)s
    FROM import_person
    WHERE is_stop
    ORDER BY recipient_id
    ON CONFLICT (legal_entity_id, recipient_id, kind) DO UPDATE
    SET via = EXCLUDED.via, refused_at = EXCLUDED.refused_at, lifted_at = NULL, written_at = statement_timestamp()
    WHERE f.lifted_at IS NOT NULL
    RETURNING recipient_id
),
linked AS (
    INSERT INTO new_link
    SELECT recipient_id, %(business_id)s, 'stopped', jsonb_build_object('via', 'import', 'evidence', %(batch_code)s::text)
    FROM stopped
)
SELECT count(*)
FROM stopped
