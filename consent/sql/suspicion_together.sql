-- suspicion_together · the same over all probes of a business as if they were one: small files do not hide a list
-- in:  business_id, deniers, denied_ats (arrays of one length), min_people, permille
-- out: batch_id, n_deniers, n_told of all of them together, for each batch in which somebody denies it; nothing under the threshold
WITH denied AS MATERIALIZED (
    SELECT * FROM unnest(%(deniers)s::bigint[], %(denied_ats)s::timestamptz[]) AS d (recipient_id, denied_at)
),
probe AS MATERIALIZED (
    SELECT DISTINCT b.id, b.judged_at, i.recipient_id
    FROM consent_importbatch b
    JOIN consent_interaction i ON i.batch_id = b.id AND i.is_probe AND i.withdrawn_at IS NULL
    WHERE b.business_id = %(business_id)s AND b.trust = 'probe'
),
accused AS MATERIALIZED (
    SELECT p.id, p.recipient_id
    FROM probe p
    JOIN denied d USING (recipient_id)
    WHERE p.judged_at IS NULL OR d.denied_at > p.judged_at
),
sums AS (
    SELECT (SELECT count(DISTINCT recipient_id) FROM accused) AS n_deniers,
           (SELECT count(DISTINCT p.recipient_id)
            FROM probe p
            WHERE p.recipient_id IN (SELECT recipient_id FROM accused)
               OR EXISTS (SELECT 1 FROM consent_capentry e
                          WHERE e.recipient_id = p.recipient_id AND e.business_id = %(business_id)s)) AS n_told
)
SELECT DISTINCT a.id, s.n_deniers, s.n_told
FROM accused a
CROSS JOIN sums s
WHERE s.n_deniers >= %(min_people)s AND s.n_deniers * 1000 >= s.n_told * %(permille)s
