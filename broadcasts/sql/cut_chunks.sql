-- cut_chunks · people of one country and time zone travel together, in id order, so many to a chunk
INSERT INTO broadcasts_chunk (broadcast_id, wave, country, timezone, recipient_ids, due_at, attempts)
SELECT %(broadcast_id)s, 2, country, timezone, array_agg(recipient_id ORDER BY recipient_id), %(due_at)s, 0
FROM (
    SELECT recipient_id, country, timezone,
           (row_number() OVER (PARTITION BY country, timezone ORDER BY recipient_id) - 1) / %(size)s AS part
    FROM freeze_slice
) cut
GROUP BY country, timezone, part
