-- keep_refusals · the standing stops, blocks and pauses of these people, as keyed hashes of their addresses
-- in: ids, now, inner_pad, outer_pad (HMAC-SHA256, see consent/suppressions.py)
INSERT INTO consent_suppression (legal_entity_id, address_hash, kind, created_at)
SELECT kept.legal_entity_id,
       sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(
           CASE WHEN a.kind = 'e164' THEN a.value
                ELSE a.kind || ':' || CASE WHEN a.scope = '' THEN '' ELSE a.scope || ':' END || a.value END, 'UTF8'))),
       kept.kind,
       %(now)s
FROM consent_address a
JOIN (
    SELECT recipient_id, legal_entity_id, CASE kind WHEN 1 THEN 'stopped' ELSE 'blocked' END AS kind
    FROM consent_refusal
    WHERE recipient_id = ANY(%(ids)s::bigint[]) AND lifted_at IS NULL
    UNION ALL
    SELECT id, NULL, 'paused_all'
    FROM consent_recipient
    WHERE id = ANY(%(ids)s::bigint[]) AND paused_all_at IS NOT NULL
) kept USING (recipient_id)
ON CONFLICT (address_hash, legal_entity_id, kind) DO NOTHING
