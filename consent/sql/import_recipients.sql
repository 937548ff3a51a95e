-- import_recipients · makes a person for every number that nobody had, and notes who that is
-- in: now
WITH made AS (
    INSERT INTO consent_recipient (code, country, timezone, locale, created_at)
    SELECT recipient_code, country, timezone, '', %(now)s
    FROM import_person
    WHERE is_new
    ORDER BY value
    RETURNING id, code
)
UPDATE import_person p
SET recipient_id = made.id
FROM made
WHERE made.code = p.recipient_code
