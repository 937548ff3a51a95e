-- link_heads · for every row of new_link (at most one per recipient): the link it will follow, and the key that seals it
-- in:  new_link (recipient_id, business_id, kind, payload); callers hold the recipients' locks
SELECT n.recipient_id,
       n.business_id,
       n.kind,
       n.payload::text,
       COALESCE(head.position, 0) + 1,
       head.hash,
       k.wrapped
FROM new_link n
LEFT JOIN LATERAL (
    SELECT e.position, e.hash
    FROM consent_consentevent e
    WHERE e.recipient_id = n.recipient_id
    ORDER BY e.position DESC
    LIMIT 1
) head ON TRUE
LEFT JOIN consent_personkey k ON k.recipient_id = n.recipient_id AND k.business_id = COALESCE(n.business_id, 0)
ORDER BY n.recipient_id
