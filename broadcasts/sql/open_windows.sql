-- open_windows · notes when people last wrote to a sender; an older message never shortens a window
-- in:  sender_id, address_ids (ascending), heard_ats
INSERT INTO broadcasts_window AS w (sender_id, address_id, heard_at)
SELECT %(sender_id)s, heard.address_id, max(heard.heard_at)
FROM unnest(%(address_ids)s::bigint[], %(heard_ats)s::timestamptz[]) AS heard (address_id, heard_at)
GROUP BY heard.address_id
ORDER BY heard.address_id
ON CONFLICT (sender_id, address_id) DO UPDATE
SET heard_at = EXCLUDED.heard_at
WHERE w.heard_at < EXCLUDED.heard_at
