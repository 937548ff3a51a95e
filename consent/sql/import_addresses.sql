-- import_addresses · gives the new people their numbers, in one order for everybody; waits for a file that brings the same ones
-- in: address_kind
INSERT INTO consent_address (recipient_id, kind, value, scope)
SELECT recipient_id, %(address_kind)s, value, ''
FROM import_person
WHERE is_new
ORDER BY value
ON CONFLICT (kind, value, scope) DO NOTHING
