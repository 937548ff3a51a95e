-- addresses · the best address of each person, of the kinds that a channel can reach, best kind first
-- in: ids, kinds, line_types (NULL: any line will do)
SELECT DISTINCT ON (recipient_id) recipient_id, value
FROM consent_address
WHERE recipient_id = ANY(%(ids)s::bigint[]) AND kind = ANY(%(kinds)s::text[])
  AND COALESCE(line_type = ANY(%(line_types)s::smallint[]), TRUE)
ORDER BY recipient_id, array_position(%(kinds)s::text[], kind::text), id
