-- import_refusals · new people whose stop, block or pause was kept from before find it as they left it
-- in: prefix, inner_pad, outer_pad (HMAC-SHA256 of the address, see consent/suppressions.py)
WITH kept AS (
    SELECT p.recipient_id, s.legal_entity_id, s.kind, s.created_at
    FROM import_person p
    JOIN consent_suppression s
      ON s.address_hash = sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(%(prefix)s || p.value, 'UTF8')))
    WHERE p.is_new AND s.kind IN ('stopped', 'blocked', 'paused_all')
),
paused AS (
    UPDATE consent_recipient r
    SET paused_all_at = kept.created_at
    FROM kept
    WHERE kept.kind = 'paused_all' AND r.id = kept.recipient_id
)
INSERT INTO consent_refusal (legal_entity_id, recipient_id, kind, via, refused_at)
SELECT legal_entity_id, recipient_id, CASE kind WHEN 'stopped' THEN 1 ELSE 2 END, 'kept', created_at
FROM kept
WHERE kind <> 'paused_all'
ON CONFLICT (legal_entity_id, recipient_id, kind) DO NOTHING
