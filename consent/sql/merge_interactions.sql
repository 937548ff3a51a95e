-- merge_interactions · evidence moves with its id, so that passports stay true; known twice, it is kept once, withdrawn if either was
-- in: keep, gone
WITH doubled AS (
    DELETE FROM consent_interaction theirs
    USING consent_interaction ours
    WHERE theirs.recipient_id = %(gone)s AND ours.recipient_id = %(keep)s
      AND (theirs.business_id, theirs.kind, theirs.occurred_at, theirs.evidence)
        = (ours.business_id, ours.kind, ours.occurred_at, ours.evidence)
    RETURNING theirs.id, theirs.withdrawn_at, ours.id AS kept_id
),
withdrawn AS (
    UPDATE consent_interaction ours
    SET withdrawn_at = LEAST(ours.withdrawn_at, doubled.withdrawn_at)
    FROM doubled
    WHERE ours.id = doubled.kept_id AND doubled.withdrawn_at IS NOT NULL
)
UPDATE consent_interaction
SET recipient_id = %(keep)s
WHERE recipient_id = %(gone)s AND id NOT IN (SELECT id FROM doubled)
