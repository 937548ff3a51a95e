-- mark_unfit · rows whose frozen values do not fill the words are taken back before anything leaves
UPDATE broadcasts_delivery
SET state = 5, reason = 70
WHERE broadcast_id = %(broadcast_id)s AND recipient_id = ANY(%(ids)s::bigint[]) AND state = 10
