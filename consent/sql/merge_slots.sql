-- merge_slots · what either was told counts for the one; told the same thing twice, both times count
-- in: keep, gone
-- A slot that moves gets a negative number that no broadcast has, always the same one: its own delivery finds it again
-- (arrive, give_back), and no other does. What moves a second time keeps it.
UPDATE consent_capentry
SET recipient_id = %(keep)s,
    broadcast_id = CASE WHEN broadcast_id > 0 THEN -abs(hashint8extended(broadcast_id, %(gone)s)) ELSE broadcast_id END
WHERE recipient_id = %(gone)s
