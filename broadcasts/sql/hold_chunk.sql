-- hold_chunk · locks the chunk if the lane still owns it, and reads whether the broadcast may go on at this moment
-- What the gate says has to survive a crash before anything leaves, whatever the session was told: this commit is a synchronous one.
-- An emergency stop counts as a pause: whatever its scope, it is obeyed by who asks after its commit.
SELECT CASE WHEN b.state = 'sending'
             AND emergency_stop_of(b.id, b.business_id, b.sender_id, b.template_id, c.country) IS NOT NULL
            THEN 'paused' ELSE b.state END,
       b.ends_at,
       COALESCE(%(now)s::timestamptz, clock_timestamp()) AS now,
       set_config('synchronous_commit', 'on', true)
FROM broadcasts_chunk c
JOIN broadcasts_broadcast b ON b.id = c.broadcast_id
WHERE c.id = %(chunk_id)s AND c.owner = %(owner)s AND c.lease_until > clock_timestamp() AND c.done_at IS NULL
FOR NO KEY UPDATE OF c
