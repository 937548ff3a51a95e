-- addresses · the best address of each person, of the kinds that a channel can reach, best kind first
SELECT DISTINCT ON (recipient_id) recipient_id, value
FROM consent_address
WHERE recipient_id = ANY(%(ids)s::bigint[]) AND kind = ANY(%(kinds)s::text[])
ORDER BY recipient_id, array_position(%(kinds)s::text[], kind::text), id
