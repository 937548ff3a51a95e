-- merge_contacts · a business's two contacts of one person become one, with the facts of both; all others move
-- in: keep, gone, now
-- out: business_id, code that is kept, code that is gone, for every business that knew both
WITH doubled AS (
    DELETE FROM consent_contact theirs
    USING consent_contact ours
    WHERE theirs.recipient_id = %(gone)s AND ours.recipient_id = %(keep)s AND ours.business_id = theirs.business_id
    RETURNING theirs.*, ours.id AS kept_id, ours.code AS kept_code
),
completed AS (
    -- What the kept one says goes first; of two reactions the one that protects.
    UPDATE consent_contact ours
    SET name = COALESCE(NULLIF(ours.name, ''), doubled.name),
        language = COALESCE(NULLIF(ours.language, ''), doubled.language),
        attributes = doubled.attributes || ours.attributes,
        last_reaction = GREATEST(ours.last_reaction, doubled.last_reaction),
        created_at = LEAST(ours.created_at, doubled.created_at),
        updated_at = %(now)s
    FROM doubled
    WHERE ours.id = doubled.kept_id
),
moved AS (
    UPDATE consent_contact
    SET recipient_id = %(keep)s, updated_at = %(now)s
    WHERE recipient_id = %(gone)s AND id NOT IN (SELECT id FROM doubled)
)
SELECT business_id, kept_code, code
FROM doubled
