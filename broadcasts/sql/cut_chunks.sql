-- cut_chunks · people of one country and time zone travel together, in id order, so many to a chunk, each zone at its hour
-- in: timezones, due_ats (when each zone's turn comes), due_at (of those that are not among them)
INSERT INTO broadcasts_chunk (broadcast_id, wave, country, timezone, recipient_ids, due_at, attempts)
SELECT %(broadcast_id)s, 2, country, timezone, recipient_ids, COALESCE(hour.due_at, %(due_at)s), 0
FROM (
    SELECT country, timezone, array_agg(recipient_id ORDER BY recipient_id) AS recipient_ids
    FROM (
        SELECT recipient_id, country, timezone,
               (row_number() OVER (PARTITION BY country, timezone ORDER BY recipient_id) - 1) / %(size)s AS part
        FROM freeze_slice
    ) numbered
    GROUP BY country, timezone, part
) cut
LEFT JOIN unnest(%(timezones)s::text[], %(due_ats)s::timestamptz[]) AS hour (timezone, due_at) USING (timezone)
