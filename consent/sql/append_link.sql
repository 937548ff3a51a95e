-- append_link · adds one sealed link to the chain of a person, and the key that it was sealed with when that is new
-- in:  recipient_id, position, business_id, kind, sealed, previous_hash, hash, now, wrapped (NULL: the key is there)
WITH made AS (
    INSERT INTO consent_personkey (recipient_id, business_id, wrapped)
    SELECT %(recipient_id)s, COALESCE(%(business_id)s::bigint, 0), %(wrapped)s::bytea
    WHERE %(wrapped)s::bytea IS NOT NULL
)
INSERT INTO consent_consentevent (recipient_id, position, business_id, kind, sealed, previous_hash, hash, created_at)
VALUES (
    %(recipient_id)s,
    %(position)s,
    %(business_id)s,
    %(kind)s,
    %(sealed)s,
    %(previous_hash)s,
    %(hash)s,
    %(now)s
)
RETURNING id
