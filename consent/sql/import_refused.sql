-- import_refused · how many people of the file had stopped or blocked the company before
-- in: legal_entity_id
SELECT (
    SELECT count(DISTINCT p.recipient_id)
    FROM import_person p
    JOIN consent_refusal f ON f.recipient_id = p.recipient_id
    WHERE f.legal_entity_id = %(legal_entity_id)s AND f.lifted_at IS NULL
) + (
    SELECT count(*)
    FROM import_hushed h
    JOIN consent_suppression s ON s.address_hash = h.address_hash
    WHERE s.legal_entity_id = %(legal_entity_id)s AND s.kind = 'stopped'
)
