-- import_outvoted · a number that stops anywhere in the file stops: its other rows bring no contact and prove nothing
WITH outvoted AS (
    DELETE FROM import_row r
    USING import_row s
    WHERE s.is_stop AND NOT r.is_stop AND s.value = r.value
    RETURNING r.line, r.value
)
INSERT INTO import_fault
SELECT DISTINCT line, 'phone', left(value, 4) || '…' || right(value, 2), 'stopped_here'
FROM outvoted
