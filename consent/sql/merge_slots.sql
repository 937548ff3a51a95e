-- merge_slots · what either was told counts for the one; told the same thing twice, both times count
-- in: keep, gone
-- The second slot of one broadcast gets a negative number that no broadcast has: counted like any other, given back by nobody.
UPDATE consent_capentry theirs
SET recipient_id = %(keep)s,
    broadcast_id = CASE WHEN EXISTS (SELECT 1 FROM consent_capentry ours
                                     WHERE ours.recipient_id = %(keep)s AND ours.broadcast_id = theirs.broadcast_id)
                        THEN -abs(hashint8extended(theirs.broadcast_id, %(gone)s)) ELSE theirs.broadcast_id END
WHERE theirs.recipient_id = %(gone)s
