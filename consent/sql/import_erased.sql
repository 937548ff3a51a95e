-- import_erased · behind the locks, once more: takes out whoever was erased while the file was being taken in
-- in: legal_entity_id, prefix, inner_pad, outer_pad, as import_suppressed
WITH gone AS (
    DELETE FROM import_person p
    WHERE EXISTS (SELECT 1 FROM consent_recipient r WHERE r.id = p.recipient_id AND r.erased_at IS NOT NULL)
       OR EXISTS (
           SELECT 1
           FROM consent_suppression s
           WHERE s.address_hash = sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(%(prefix)s || p.value, 'UTF8')))
             AND s.kind = 'erased'
             AND (s.legal_entity_id IS NULL OR s.legal_entity_id = %(legal_entity_id)s)
       )
    RETURNING p.value, p.recipient_id, p.is_new
),
addresses AS (
    DELETE FROM consent_address a
    USING gone
    WHERE gone.is_new AND a.recipient_id = gone.recipient_id
),
people AS (
    DELETE FROM consent_recipient r
    USING gone
    WHERE gone.is_new AND r.id = gone.recipient_id
),
hushed AS (
    DELETE FROM import_row r
    USING gone
    WHERE r.value = gone.value
    RETURNING r.line, r.value, r.is_stop
),
stopped AS (
    INSERT INTO import_hushed
    SELECT DISTINCT sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(%(prefix)s || value, 'UTF8')))
    FROM hushed
    WHERE is_stop
)
INSERT INTO import_fault
SELECT DISTINCT line, 'phone', left(value, 4) || '…' || right(value, 2), 'not_accepted'
FROM hushed
WHERE NOT is_stop
