-- import_recipients · makes a person for every number that nobody had
-- in: now
INSERT INTO consent_recipient (id, code, country, timezone, locale, created_at)
SELECT recipient_id, recipient_code, country, timezone, '', %(now)s
FROM import_person
WHERE is_new
