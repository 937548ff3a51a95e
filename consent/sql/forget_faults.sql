-- forget_faults · blanks what wrong rows of contact files quote of a person: their number however it is written, or their name
-- in: numbers (digits without country), names, business_id (null: of all)
-- The digits of a row are compared, ASCII ones and full-width ones alike.
UPDATE consent_importfault fault
SET value = '', cells = NULL
FROM (
    SELECT f.id, f.batch_id, lower(f.value || ' ' || COALESCE(f.cells::text, '')) AS words
    FROM consent_importfault f
    WHERE f.value <> '' OR f.cells IS NOT NULL
) quoted
JOIN consent_importbatch batch ON batch.id = quoted.batch_id
WHERE fault.id = quoted.id
  AND (%(business_id)s::bigint IS NULL OR batch.business_id = %(business_id)s::bigint)
  AND (
      EXISTS (
          SELECT 1
          FROM unnest(%(numbers)s::text[]) AS sought (digits)
          WHERE position(sought.digits IN regexp_replace(translate(quoted.words, '０１２３４５６７８９', '0123456789'), '[^0-9]', '', 'g')) > 0
      )
      OR EXISTS (SELECT 1 FROM unnest(%(names)s::text[]) AS sought (name) WHERE position(lower(sought.name) IN quoted.words) > 0)
  )
