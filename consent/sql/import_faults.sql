-- import_faults · writes down what was wrong, the first lines first, instead of what an earlier reading of the file found
-- in: batch_id, max_faults
WITH gone AS (
    DELETE FROM consent_importfault
    WHERE batch_id = %(batch_id)s
)
INSERT INTO consent_importfault (batch_id, line, "column", value, reason, cells)
SELECT %(batch_id)s, line, "column", value, reason, cells
FROM import_fault
ORDER BY line
LIMIT %(max_faults)s
