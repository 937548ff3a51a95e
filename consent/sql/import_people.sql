-- import_people · one row per number of the file, with the person it belongs to where the platform knows them already
-- in: address_kind, makes_people (the new ones get their ids here; not in a dry run)
CREATE TEMPORARY TABLE import_person ON COMMIT DROP AS
SELECT first.*,
       CASE
           WHEN a.recipient_id IS NOT NULL THEN a.recipient_id
           WHEN %(makes_people)s THEN nextval('consent_recipient_id_seq')
       END AS recipient_id,
       a.recipient_id IS NULL AS is_new
FROM (
    SELECT DISTINCT ON (value)
           value, country, timezone, line_type, name, language, attributes, is_stop, contact_code, recipient_code
    FROM import_row
    ORDER BY value, line
) first
LEFT JOIN consent_address a ON a.kind = %(address_kind)s AND a.value = first.value AND a.scope = ''
