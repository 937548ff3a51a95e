-- fold · receipts move deliveries forward, never backwards; answers with the transitions that were really made
-- A failure counts only for the attempt it is about; an arrival counts whichever attempt arrived.
WITH receipt AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(attempts)s::smallint[], %(states)s::smallint[], %(error_codes)s::text[],
                         %(sent_ats)s::timestamptz[], %(delivered_ats)s::timestamptz[], %(read_ats)s::timestamptz[], %(failed_ats)s::timestamptz[])
        AS r (recipient_id, attempt, state, error_code, sent_at, delivered_at, read_at, failed_at)
),
old AS MATERIALIZED (
    -- One look-up by the whole key for each person, locked in recipient order: see lock_deliveries.
    SELECT d.broadcast_id, d.recipient_id, d.state AS from_state, d.reason AS from_reason,
           r.state, r.error_code, r.sent_at, r.delivered_at, r.read_at, r.failed_at
    FROM (SELECT * FROM receipt ORDER BY recipient_id) r
    CROSS JOIN LATERAL (
        SELECT w.broadcast_id, w.recipient_id, w.state, w.reason
        FROM broadcasts_delivery w
        WHERE w.broadcast_id = %(broadcast_id)s
          AND w.recipient_id = r.recipient_id
          AND w.attempt > 0
          AND w.state < r.state
          AND (r.state >= 70 OR (w.attempt = r.attempt AND w.state >= 10))
        FOR NO KEY UPDATE
    ) d
),
moved AS (
    UPDATE broadcasts_delivery d
    SET state = old.state,
        reason = CASE WHEN old.state = 60 THEN 130 END,
        error_code = CASE WHEN old.state = 60 THEN old.error_code END,
        sent_at = COALESCE(d.sent_at, old.sent_at, old.delivered_at, old.read_at),
        -- "read" without "delivered" implies it, for counters and for the bill.
        delivered_at = COALESCE(d.delivered_at, old.delivered_at, old.read_at),
        read_at = COALESCE(d.read_at, old.read_at),
        failed_at = CASE WHEN old.state = 60 THEN old.failed_at END
    FROM old
    WHERE d.broadcast_id = old.broadcast_id
      AND d.recipient_id = old.recipient_id
      AND d.broadcast_id BETWEEN %(broadcast_id)s / 256 * 256 AND %(broadcast_id)s / 256 * 256 + 255
    RETURNING d.recipient_id, old.from_state, old.from_reason, d.state AS to_state, d.reason, d.price_micro, d.delivered_at
)
SELECT from_state, to_state, COALESCE(reason, 0), count(*), sum(price_micro)::bigint,
       -- Whose slots change: those of what failed are given back, those of what arrived count from then on.
       CASE WHEN to_state >= 60 AND from_state < 70 THEN array_agg(recipient_id ORDER BY recipient_id) ELSE '{}' END,
       COALESCE(from_reason, 0),
       CASE WHEN to_state >= 70 AND from_state < 70 THEN array_agg(delivered_at::text ORDER BY recipient_id) ELSE '{}' END
FROM moved
GROUP BY from_state, from_reason, to_state, reason
