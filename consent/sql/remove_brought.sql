-- remove_brought · removes those contacts that this file made and who have nothing else; callers hold the people's locks
-- in: batch_id, business_id, legal_entity_id, ids (of people)
DELETE FROM consent_contact c
WHERE c.business_id = %(business_id)s
  AND c.recipient_id = ANY(%(ids)s::bigint[])
  AND c.brought_by_id = %(batch_id)s
  AND c.last_reaction = 0
  -- Nobody has brought or changed anything about them since.
  AND c.updated_at = c.created_at
  AND NOT EXISTS (SELECT 1 FROM consent_interaction i
                  WHERE i.business_id = %(business_id)s AND i.recipient_id = c.recipient_id AND i.withdrawn_at IS NULL)
  -- Whoever was written to lately may ask why, and whoever refused is shown as refusing.
  AND NOT EXISTS (SELECT 1 FROM consent_capentry e WHERE e.recipient_id = c.recipient_id AND e.business_id = %(business_id)s)
  AND NOT EXISTS (SELECT 1 FROM consent_refusal f
                  WHERE f.recipient_id = c.recipient_id AND f.legal_entity_id = %(legal_entity_id)s)
