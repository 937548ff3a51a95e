-- import_finish · the batch's last word about a reading; its counts come from what really happened, or would have
-- in: batch_id, state, n_rows, n_bytes, n_new, n_updated, n_stopped, n_already_stopped, n_unlisted_faults, now
UPDATE consent_importbatch
SET state = %(state)s,
    n_rows = %(n_rows)s,
    n_bytes_read = %(n_bytes)s,
    n_new = %(n_new)s,
    n_updated = %(n_updated)s,
    n_stopped = %(n_stopped)s,
    n_already_stopped = %(n_already_stopped)s,
    n_faulty = (SELECT count(*) FROM import_fault) + %(n_unlisted_faults)s,
    n_without_evidence = (
        SELECT count(*)
        FROM import_person p
        WHERE NOT p.is_stop
          AND NOT EXISTS (SELECT 1 FROM import_row r WHERE r.value = p.value AND r.kind IS NOT NULL)
    ),
    finished_at = %(now)s
WHERE id = %(batch_id)s
