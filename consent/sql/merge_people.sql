-- merge_people · the stricter of two limits, a pause of either, and all addresses are the one's; the other only points to it
-- in: keep, gone
WITH addresses AS (
    UPDATE consent_address
    SET recipient_id = %(keep)s
    WHERE recipient_id = %(gone)s
),
kept AS (
    UPDATE consent_recipient ours
    SET own_limit = LEAST(ours.own_limit, theirs.own_limit),
        paused_all_at = LEAST(ours.paused_all_at, theirs.paused_all_at),
        evidence_from = GREATEST(ours.evidence_from, theirs.evidence_from),
        locale = COALESCE(NULLIF(ours.locale, ''), theirs.locale),
        created_at = LEAST(ours.created_at, theirs.created_at)
    FROM consent_recipient theirs
    WHERE ours.id = %(keep)s AND theirs.id = %(gone)s
)
UPDATE consent_recipient
SET merged_into_id = %(keep)s
WHERE id = %(gone)s OR merged_into_id = %(gone)s
