-- import_lock · locks the people known before, in id order like the gate: nobody is erased while they are told something
SELECT count(*)
FROM (
    SELECT id
    FROM consent_recipient
    WHERE id IN (SELECT p.recipient_id FROM import_person p WHERE NOT p.is_new)
    ORDER BY id
    FOR NO KEY UPDATE
) locked
