-- count_with_basis · how many contacts have evidence that is a basis by the rules as they stand, by country
-- in: now
-- Whether they have stopped, or are full, is another question: this one is about the rules.
WITH land AS MATERIALIZED (
    SELECT l.country,
           CASE WHEN EXISTS (SELECT 1 FROM consent_basisrule b WHERE b.country = l.country) THEN l.country ELSE '' END AS basis_country
    FROM (SELECT DISTINCT country FROM consent_recipient) l
),
rule AS MATERIALIZED (
    SELECT l.country, b.kind, b.needs_opt_out_offered, max(b.valid_days) * interval '1 day' AS lasts
    FROM land l
    JOIN consent_basisrule b ON b.country = l.basis_country
    GROUP BY l.country, b.kind, b.needs_opt_out_offered
)
SELECT r.country, count(DISTINCT (i.business_id, i.recipient_id))
FROM consent_interaction i
JOIN consent_recipient r ON r.id = i.recipient_id
JOIN rule ON rule.country = r.country AND rule.kind = i.kind
WHERE i.withdrawn_at IS NULL
  AND r.erased_at IS NULL
  AND (r.evidence_from IS NULL OR i.occurred_at > r.evidence_from)
  AND i.occurred_at > %(now)s::timestamptz - rule.lasts
  AND (i.opt_out_offered OR NOT rule.needs_opt_out_offered)
GROUP BY r.country
