-- owners_of · the people at whose addresses these keyed hashes were made (HMAC-SHA256, see consent/suppressions.py)
-- in: hashes, inner_pad, outer_pad
WITH hashed AS (
    SELECT recipient_id,
           sha256(%(outer_pad)s || sha256(%(inner_pad)s || convert_to(
               CASE WHEN kind = 'e164' THEN value
                    ELSE kind || ':' || CASE WHEN scope = '' THEN '' ELSE scope || ':' END || value END, 'UTF8'))) AS address_hash
    FROM consent_address
)
SELECT address_hash, recipient_id
FROM hashed
WHERE address_hash = ANY(%(hashes)s::bytea[])
