-- append_links · adds one link to the chain of each recipient in new_link (at most one row each); callers hold the recipients' locks
-- in:  new_link (recipient_id, business_id, kind, payload), now
-- The text under the hash is what consent/ledger.py reads back when it verifies: change both or neither.
INSERT INTO consent_consentevent (recipient_id, position, business_id, kind, payload, previous_hash, hash, created_at)
SELECT link.recipient_id,
       link.position,
       link.business_id,
       link.kind,
       link.payload,
       link.previous_hash,
       sha256(link.previous_hash || convert_to(
           concat_ws(E'\n',
                     link.recipient_id,
                     link.position,
                     COALESCE(link.business_id::text, '-'),
                     link.kind,
                     to_char(%(now)s::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                     link.payload::text),
           'UTF8')),
       %(now)s::timestamptz
FROM (
    SELECT n.recipient_id,
           n.business_id,
           n.kind,
           n.payload,
           COALESCE(head.position, 0) + 1 AS position,
           COALESCE(head.hash, decode(repeat('00', 32), 'hex')) AS previous_hash
    FROM new_link n
    LEFT JOIN LATERAL (
        SELECT e.position, e.hash
        FROM consent_consentevent e
        WHERE e.recipient_id = n.recipient_id
        ORDER BY e.position DESC
        LIMIT 1
    ) head ON TRUE
) link
