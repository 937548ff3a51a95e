-- give_back · frees the slots of messages that certainly did not arrive
DELETE FROM consent_capentry
WHERE broadcast_id = %(broadcast_id)s AND recipient_id = ANY(%(ids)s::bigint[])
