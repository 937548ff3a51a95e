-- import_finish · the batch's last word; its counts come from what really happened
-- in: batch_id, n_rows, n_bytes, made, changed, n_unlisted_faults, now
UPDATE consent_importbatch
SET state = 'done',
    n_rows = %(n_rows)s,
    n_bytes_read = %(n_bytes)s,
    n_new = %(made)s,
    n_updated = %(changed)s,
    n_faulty = (SELECT count(*) FROM consent_importfault WHERE batch_id = %(batch_id)s) + %(n_unlisted_faults)s,
    n_without_evidence = (
        SELECT count(*)
        FROM import_person p
        WHERE NOT EXISTS (SELECT 1 FROM import_row r WHERE r.value = p.value AND r.kind IS NOT NULL)
    ),
    finished_at = %(now)s
WHERE id = %(batch_id)s
