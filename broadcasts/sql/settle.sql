-- settle · writes outcomes back, never backwards; answers with the transitions that were really made
-- kinds: 1 accepted, 2 rejected, 3 not started, 4 unknown, 5 held (as OutcomeKind)
WITH outcome AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(attempts)s::smallint[], %(kinds)s::smallint[], %(error_codes)s::text[])
        AS o (recipient_id, attempt, kind, error_code)
    ORDER BY recipient_id
),
old AS MATERIALIZED (
    -- One look-up by the whole key for each person, locked in recipient order: see lock_deliveries.
    SELECT d.broadcast_id, d.recipient_id, d.state, o.kind, o.error_code
    FROM outcome o
    CROSS JOIN LATERAL (
        SELECT w.broadcast_id, w.recipient_id, w.state
        FROM broadcasts_delivery w
        WHERE w.broadcast_id = %(broadcast_id)s
          AND w.recipient_id = o.recipient_id
          AND w.attempt = o.attempt
          -- A receipt may have come first; only what still hangs in the air is moved, and only forward.
          AND w.state IN (10, 20)
          AND NOT (o.kind = 4 AND w.state = 20)
        FOR NO KEY UPDATE
    ) d
),
moved AS (
    UPDATE broadcasts_delivery d
    SET state = CASE old.kind WHEN 1 THEN 30 WHEN 2 THEN 60 WHEN 3 THEN 0 WHEN 5 THEN 40 ELSE 20 END,
        reason = CASE WHEN old.kind = 2 THEN 130 END,
        error_code = CASE WHEN old.kind IN (2, 4) THEN old.error_code END,
        failed_at = CASE WHEN old.kind = 2 THEN %(now)s::timestamptz END
    FROM old
    WHERE d.broadcast_id = old.broadcast_id
      AND d.recipient_id = old.recipient_id
      AND d.broadcast_id BETWEEN %(broadcast_id)s / 256 * 256 AND %(broadcast_id)s / 256 * 256 + 255
    RETURNING d.recipient_id, old.state AS from_state, d.state AS to_state, d.reason, d.price_micro
)
SELECT from_state, to_state, COALESCE(reason, 0), count(*), sum(price_micro)::bigint,
       CASE WHEN to_state IN (0, 60) THEN array_agg(recipient_id ORDER BY recipient_id) ELSE '{}' END
FROM moved
GROUP BY from_state, to_state, reason
