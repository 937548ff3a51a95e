-- put_on_probation · makes up to `room` more people of a batch its probe; answers with how many
-- in: batch_id, salt (the batch's code, which nobody knew when the list was written), room
WITH chosen AS (
    SELECT i.recipient_id
    FROM consent_interaction i
    WHERE i.batch_id = %(batch_id)s AND i.withdrawn_at IS NULL
    GROUP BY i.recipient_id
    HAVING NOT bool_or(i.is_probe)
    -- By hash, not by line: whoever orders a file puts friends first.
    ORDER BY md5(%(salt)s || ':' || i.recipient_id), i.recipient_id
    LIMIT %(room)s
),
marked AS (
    UPDATE consent_interaction i
    SET is_probe = TRUE
    FROM chosen
    -- "+ 0": person by person. A batch that the statistics have not met yet looks like one row, and would be read through
    -- once for each of them: 20 seconds in a file of a million.
    WHERE i.batch_id + 0 = %(batch_id)s AND i.recipient_id = chosen.recipient_id AND i.withdrawn_at IS NULL
    RETURNING i.recipient_id
)
SELECT count(DISTINCT recipient_id)
FROM marked
