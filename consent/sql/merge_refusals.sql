-- merge_refusals · a refusal of either holds for the one; it is lifted only when both were
-- in: keep, gone
WITH theirs AS (
    DELETE FROM consent_refusal
    WHERE recipient_id = %(gone)s
    RETURNING *
)
INSERT INTO consent_refusal AS ours (legal_entity_id, recipient_id, kind, via, refused_at, lifted_at)
SELECT legal_entity_id, %(keep)s, kind, via, refused_at, lifted_at
FROM theirs
ON CONFLICT (legal_entity_id, recipient_id, kind) DO UPDATE
SET lifted_at = CASE WHEN ours.lifted_at IS NULL OR EXCLUDED.lifted_at IS NULL THEN NULL
                     ELSE GREATEST(ours.lifted_at, EXCLUDED.lifted_at) END,
    refused_at = LEAST(ours.refused_at, EXCLUDED.refused_at)
