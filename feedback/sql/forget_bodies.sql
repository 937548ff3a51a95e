-- forget_bodies · empties the calls that were set aside and name a person: by a word, or by the digits of their number
-- in: words (addresses, names), numbers (digits without country), sender_ids (null: of all)
-- Digits are compared with everything else left out, so that no spelling of a number is missed. Bodies that came later
-- than the erasure are emptied when they are folded, or by retention.
UPDATE feedback_callback callback
SET body = '', failure = 'erased'
FROM feedback_callback found
CROSS JOIN LATERAL (
    SELECT encode(found.body, 'escape') || found.failure AS words,
           regexp_replace(encode(found.body, 'escape') || found.failure, '[^0-9]', '', 'g') AS digits
) text
WHERE found.id = callback.id
  AND found.failure <> ''
  AND found.folded_at IS NOT NULL
  AND (%(sender_ids)s::bigint[] IS NULL OR found.sender_id = ANY(%(sender_ids)s::bigint[]))
  AND (
      EXISTS (SELECT 1 FROM unnest(%(words)s::text[]) AS sought (word) WHERE position(sought.word IN text.words) > 0)
      OR EXISTS (SELECT 1 FROM unnest(%(numbers)s::text[]) AS sought (number) WHERE position(sought.number IN text.digits) > 0)
  )
