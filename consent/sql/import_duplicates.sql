-- import_duplicates · takes out rows that repeat an earlier one, and reports them: the same number with nothing new to prove
WITH ranked AS (
    SELECT line,
           row_number() OVER (PARTITION BY value, kind, occurred_at, evidence ORDER BY line) AS nth_alike,
           row_number() OVER (PARTITION BY value ORDER BY line) AS nth_of_person
    FROM import_row
),
repeated AS (
    DELETE FROM import_row r
    USING ranked
    WHERE ranked.line = r.line AND (nth_alike > 1 OR (r.kind IS NULL AND nth_of_person > 1))
    RETURNING r.line, r.value, r.is_stop
)
INSERT INTO import_fault
SELECT line, 'phone', left(value, 4) || '…' || right(value, 2), 'duplicate'
FROM repeated
WHERE NOT is_stop
