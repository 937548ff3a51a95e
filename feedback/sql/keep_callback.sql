-- keep_callback · keeps one call of a provider; answers with its id
-- A 200 means that the row survives a crash, whatever the session was told: its commit is a synchronous one.
INSERT INTO feedback_callback (sender_id, body, received_at, folded_at, failure)
SELECT %(sender_id)s, %(body)s, %(received_at)s, %(folded_at)s, %(failure)s
WHERE set_config('synchronous_commit', 'on', true) = 'on'
RETURNING id
