-- reserve_money · takes from the broadcast's budget, or changes nothing when that, or the leave to go on, is not there any more
-- The gate's last look: it may have waited for a lock since the first, and in the meantime somebody may have paused the
-- broadcast or pressed an emergency stop.
UPDATE broadcasts_budget
SET reserved_micro = reserved_micro + %(micro)s
WHERE broadcast_id = %(broadcast_id)s
  AND reserved_micro + %(micro)s <= ceiling_micro
  AND EXISTS (
      SELECT 1
      FROM broadcasts_chunk c
      JOIN broadcasts_broadcast b ON b.id = c.broadcast_id
      WHERE c.id = %(chunk_id)s
        AND b.state = 'sending'
        AND emergency_stop_of(b.id, b.business_id, b.sender_id, b.template_id, c.country) IS NULL
  )
