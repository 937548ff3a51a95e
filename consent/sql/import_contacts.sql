-- import_contacts · makes or updates the business's contacts; an empty cell never overwrites what is known
-- in: business_id, batch_id, now
-- out: made, changed
WITH fresh AS (
    -- Whom this file has made nobody else can know yet: nothing to collide with.
    INSERT INTO consent_contact
        (code, business_id, recipient_id, name, language, attributes, last_reaction, brought_by_id, created_at, updated_at)
    SELECT contact_code, %(business_id)s, recipient_id, name, language, attributes, 0, %(batch_id)s, %(now)s, %(now)s
    FROM import_person
    WHERE is_new AND NOT is_stop
    ORDER BY recipient_id
    RETURNING 1
),
told AS (
    INSERT INTO consent_contact AS c
        (code, business_id, recipient_id, name, language, attributes, last_reaction, brought_by_id, created_at, updated_at)
    SELECT contact_code, %(business_id)s, recipient_id, name, language, attributes, 0, %(batch_id)s, %(now)s, %(now)s
    FROM import_person
    WHERE NOT is_new AND NOT is_stop
    ORDER BY recipient_id
    ON CONFLICT (business_id, recipient_id) DO UPDATE
    SET name = COALESCE(NULLIF(EXCLUDED.name, ''), c.name),
        language = COALESCE(NULLIF(EXCLUDED.language, ''), c.language),
        attributes = c.attributes || EXCLUDED.attributes,
        updated_at = EXCLUDED.updated_at
    WHERE EXCLUDED.name NOT IN ('', c.name)
       OR EXCLUDED.language NOT IN ('', c.language)
       OR NOT c.attributes @> EXCLUDED.attributes
    RETURNING (xmax = 0) AS is_new
)
SELECT (SELECT count(*) FROM fresh) + count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)
FROM told
