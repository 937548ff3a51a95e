-- stray_broadcasts · ids of broadcasts that only deliveries know: from id to id through the key, however many rows each has
WITH RECURSIVE told (id) AS (
    SELECT min(broadcast_id)
    FROM broadcasts_delivery
    UNION ALL
    SELECT (SELECT min(d.broadcast_id) FROM broadcasts_delivery d WHERE d.broadcast_id > told.id)
    FROM told
    WHERE told.id IS NOT NULL
)
SELECT told.id
FROM told
LEFT JOIN broadcasts_broadcast b ON b.id = told.id
WHERE told.id IS NOT NULL AND b.id IS NULL
