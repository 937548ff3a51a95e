-- import_hush · keeps the stops of people who were erased: nobody is made of their numbers, but should they come back, it holds
-- in: legal_entity_id, now
-- out: how many of these stops are news
WITH kept AS (
    INSERT INTO consent_suppression (legal_entity_id, address_hash, kind, created_at)
    SELECT %(legal_entity_id)s, address_hash, 'stopped', %(now)s
    FROM import_hushed
    ON CONFLICT (address_hash, legal_entity_id, kind) DO NOTHING
    RETURNING 1
)
SELECT count(*)
FROM kept
