-- lock_slot_holders · locks people, and whom they are part of by now, in one order: for whoever frees a slot or takes one again
-- out: each of them, and whom they are part of, read under the lock: also what was committed while this waited for them
SELECT id, merged_into_id
FROM consent_recipient
WHERE id IN (
    SELECT unnest(%(ids)s::bigint[])
    UNION
    SELECT merged_into_id FROM consent_recipient WHERE id = ANY(%(ids)s::bigint[]) AND merged_into_id IS NOT NULL
)
ORDER BY id
FOR NO KEY UPDATE
