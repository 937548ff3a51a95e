-- import_yield · where another file was first with a number, its person is ours and the one made here goes
-- in: address_kind
WITH theirs AS (
    UPDATE import_person p
    SET recipient_id = a.recipient_id, is_new = FALSE
    FROM consent_address a
    WHERE p.is_new AND a.kind = %(address_kind)s AND a.value = p.value AND a.scope = '' AND a.recipient_id <> p.recipient_id
    RETURNING p.recipient_code
)
DELETE FROM consent_recipient
WHERE code IN (SELECT recipient_code FROM theirs)
