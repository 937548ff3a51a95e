-- squash_counts · takes up to 10,000 deltas, adds them to the sums; answers with how many went
WITH taken AS (
    DELETE FROM broadcasts_countdelta
    WHERE id IN (SELECT id FROM broadcasts_countdelta ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED)
    RETURNING broadcast_id, variant, state, reason, n
),
summed AS (
    INSERT INTO broadcasts_count (broadcast_id, variant, state, reason, n)
    SELECT broadcast_id, variant, state, reason, sum(n)
    FROM taken
    GROUP BY broadcast_id, variant, state, reason
    ORDER BY broadcast_id, variant, state, reason
    ON CONFLICT (broadcast_id, variant, state, reason) DO UPDATE SET n = broadcasts_count.n + EXCLUDED.n
)
SELECT count(*) FROM taken
