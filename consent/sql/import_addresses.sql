-- import_addresses · gives the new people their numbers, in one order for everybody; waits for a file that brings the same ones
-- in: address_kind
INSERT INTO consent_address (recipient_id, kind, value, scope, line_type)
SELECT recipient_id, %(address_kind)s, value, '', CASE WHEN %(address_kind)s = 'e164' THEN line_type ELSE 0 END
FROM import_person
WHERE is_new
ORDER BY value
ON CONFLICT (kind, value, scope) DO NOTHING
