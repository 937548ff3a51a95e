-- import_beginnings · what the file proves of the people it has made, one line an interaction, those of one person in a row
COPY (
    SELECT p.recipient_id,
           r.kind,
           to_char(r.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
           r.evidence,
           r.opt_out_offered
    FROM import_row r
    JOIN import_person p USING (value)
    WHERE p.is_new AND r.kind IS NOT NULL
    ORDER BY p.recipient_id, r.occurred_at
) TO STDOUT (FORMAT csv)
