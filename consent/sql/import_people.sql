-- import_people · one row per number of the file, with the person it belongs to where the platform knows them already
-- in: address_kind
CREATE TEMPORARY TABLE import_person ON COMMIT DROP AS
SELECT first.*, a.recipient_id, a.recipient_id IS NULL AS is_new
FROM (
    SELECT DISTINCT ON (value)
           value, country, timezone, name, language, attributes, contact_code, recipient_code
    FROM import_row
    ORDER BY value, line
) first
LEFT JOIN consent_address a ON a.kind = %(address_kind)s AND a.value = first.value AND a.scope = ''
