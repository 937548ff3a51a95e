-- unknown_people · people whom no business knows, and who are neither erased nor part of somebody else
-- in: before, limit (null: all)
SELECT r.id
FROM consent_recipient r
WHERE r.created_at < %(before)s
  AND r.erased_at IS NULL
  AND r.merged_into_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM consent_contact c WHERE c.recipient_id = r.id)
ORDER BY r.id
LIMIT %(limit)s
