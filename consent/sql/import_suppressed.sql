-- import_suppressed · takes out people who were erased, everywhere or for this company, without saying which
-- in: legal_entity_id, prefix, inner_pad, outer_pad (HMAC-SHA256 of the address, see consent/suppressions.py)
WITH hushed AS (
    DELETE FROM import_row r
    USING consent_suppression s
    WHERE s.address_hash = sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(%(prefix)s || r.value, 'UTF8')))
      AND s.kind = 'erased'
      AND (s.legal_entity_id IS NULL OR s.legal_entity_id = %(legal_entity_id)s)
    RETURNING r.line, r.value, r.is_stop, s.address_hash
),
stopped AS (
    INSERT INTO import_hushed
    SELECT DISTINCT address_hash
    FROM hushed
    WHERE is_stop
)
INSERT INTO import_fault
SELECT DISTINCT line, 'phone', left(value, 4) || '…' || right(value, 2), 'not_accepted'
FROM hushed
WHERE NOT is_stop
