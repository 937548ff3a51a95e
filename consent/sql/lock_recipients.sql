-- lock_recipients · locks people in one order; every writer of a stop, block, limit, evidence or erasure takes the same lock
SELECT id
FROM consent_recipient
WHERE id = ANY(%(ids)s::bigint[])
ORDER BY id
FOR NO KEY UPDATE
