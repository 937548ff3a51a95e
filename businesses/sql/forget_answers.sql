-- forget_answers · empties the stored answers that name somebody; they are kept for a day, so all of them are read
-- in: marks (texts), business_id (null: of all businesses), erased
UPDATE businesses_idempotentrequest answer
SET body = %(erased)s::jsonb
WHERE (%(business_id)s::bigint IS NULL OR answer.business_id = %(business_id)s::bigint)
  AND EXISTS (SELECT 1 FROM unnest(%(marks)s::text[]) AS sought (mark) WHERE position(sought.mark IN answer.body::text) > 0)
