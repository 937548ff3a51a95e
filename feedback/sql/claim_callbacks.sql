-- claim_callbacks · takes the oldest calls that nobody folds at the moment, at most so many and so many bytes
-- (always one), until a time after which another may take them; ids commit out of order, so rows are claimed one by one
WITH free AS (
    SELECT id, octet_length(body) AS n_bytes
    FROM feedback_callback
    WHERE folded_at IS NULL
      AND (claimed_until IS NULL OR claimed_until < %(now)s)
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT id, n_bytes, sum(n_bytes) OVER (ORDER BY id) AS n_bytes_so_far
    FROM free
)
UPDATE feedback_callback AS callback
SET claimed_until = %(until)s
FROM counted
WHERE callback.id = counted.id
  AND counted.n_bytes_so_far - counted.n_bytes < %(max_bytes)s
RETURNING callback.id
