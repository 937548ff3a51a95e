-- import_lock · locks the people known before who get new evidence or a stop, in id order like the gate
SELECT count(*)
FROM (
    SELECT id
    FROM consent_recipient
    WHERE id IN (
        SELECT p.recipient_id
        FROM import_person p
        JOIN import_row r USING (value)
        WHERE NOT p.is_new AND (r.kind IS NOT NULL OR r.is_stop)
    )
    ORDER BY id
    FOR NO KEY UPDATE
) locked
