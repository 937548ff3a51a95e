-- claim_notices · takes the notices that are due, a few of each sender, for whoever carries them first; they are due again at claimed_until
-- in:  now, claimed_until, most_of_sender, most
UPDATE broadcasts_notice
SET due_at = %(claimed_until)s, n_attempts = n_attempts + 1
WHERE id IN (
    SELECT n.id
    FROM broadcasts_notice n
    JOIN (
        SELECT w.id, row_number() OVER (PARTITION BY w.sender_id ORDER BY w.id) AS place
        FROM broadcasts_notice w
        WHERE w.state = 'waiting' AND w.due_at <= %(now)s AND w.expires_at > %(now)s
    ) line ON line.id = n.id AND line.place <= %(most_of_sender)s
    WHERE n.state = 'waiting' AND n.due_at <= %(now)s
    ORDER BY n.id
    LIMIT %(most)s
    FOR UPDATE OF n SKIP LOCKED
)
RETURNING id
