-- suspicion · of each batch that speaks for this person: how many of its people deny it, and how many were written to
-- in:  business_id, recipient_id, deniers, denied_ats (arrays of one length), min_people, permille
-- out: batch_id, n_deniers, n_told (counted no further than the threshold needs: beyond it there is no row)
-- Both are counted over those whom the batch's word could reach: of a batch on probation, its probe.
WITH denied AS MATERIALIZED (
    SELECT * FROM unnest(%(deniers)s::bigint[], %(denied_ats)s::timestamptz[]) AS d (recipient_id, denied_at)
),
named AS MATERIALIZED (
    SELECT DISTINCT b.id, b.trust, b.judged_at
    FROM consent_interaction i
    JOIN consent_importbatch b ON b.id = i.batch_id
    WHERE i.business_id = %(business_id)s
      AND i.recipient_id = %(recipient_id)s
      AND i.withdrawn_at IS NULL
      AND b.trust IN ('probe', 'clean', 'vouched')
),
accused AS MATERIALIZED (
    SELECT n.id, n.trust, count(DISTINCT d.recipient_id) AS n_deniers, array_agg(d.recipient_id) AS deniers
    FROM named n
    JOIN denied d ON n.judged_at IS NULL OR d.denied_at > n.judged_at
    WHERE EXISTS (
        SELECT 1
        FROM consent_interaction i
        WHERE i.batch_id = n.id AND i.recipient_id = d.recipient_id AND i.withdrawn_at IS NULL AND (i.is_probe OR n.trust <> 'probe')
    )
    GROUP BY n.id, n.trust
    HAVING count(DISTINCT d.recipient_id) >= %(min_people)s
)
SELECT a.id, a.n_deniers, told.n
FROM accused a
CROSS JOIN LATERAL (
    SELECT count(*) AS n
    FROM (
        SELECT DISTINCT reachable.recipient_id
        FROM (
            SELECT i.recipient_id FROM consent_interaction i
            WHERE a.trust = 'probe' AND i.batch_id = a.id AND i.is_probe AND i.withdrawn_at IS NULL
            UNION ALL
            SELECT i.recipient_id FROM consent_interaction i
            WHERE a.trust <> 'probe' AND i.batch_id = a.id AND i.withdrawn_at IS NULL
        ) reachable
        WHERE reachable.recipient_id = ANY(a.deniers)
           OR EXISTS (SELECT 1 FROM consent_capentry e
                      WHERE e.recipient_id = reachable.recipient_id AND e.business_id = %(business_id)s)
        LIMIT a.n_deniers * 1000 / GREATEST(%(permille)s, 1) + 1
    ) counted
) told
WHERE a.n_deniers * 1000 >= told.n * %(permille)s
