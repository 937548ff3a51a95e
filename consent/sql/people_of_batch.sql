-- people_of_batch · the next people of a batch whose evidence stands, in id order
-- in: batch_id, after, n
SELECT DISTINCT recipient_id
FROM consent_interaction
WHERE batch_id = %(batch_id)s AND recipient_id > %(after)s AND withdrawn_at IS NULL
ORDER BY recipient_id
LIMIT %(n)s
