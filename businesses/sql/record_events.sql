-- record_events · appends events of several businesses, each under its business's next numbers; their rows stay locked until commit
WITH said AS (
    SELECT business_id, kind, payload, row_number() OVER (PARTITION BY business_id ORDER BY place) AS nth
    FROM unnest(%(business_ids)s::bigint[], %(kinds)s::text[], %(payloads)s::jsonb[])
        WITH ORDINALITY AS said (business_id, kind, payload, place)
),
-- In one order, so that two who tell of the same businesses never wait for each other.
counted AS (
    SELECT business_id, count(*) AS n
    FROM said
    GROUP BY business_id
    ORDER BY business_id
),
next AS (
    INSERT INTO businesses_eventsequence AS sequence (business_id, last)
    SELECT business_id, n
    FROM counted
    ORDER BY business_id
    ON CONFLICT (business_id) DO UPDATE SET last = sequence.last + EXCLUDED.last
    RETURNING business_id, last
)
INSERT INTO businesses_event (business_id, sequence, kind, schema_version, payload, created_at)
SELECT said.business_id, next.last - counted.n + said.nth, said.kind, 1, said.payload, %(now)s
FROM said
JOIN counted USING (business_id)
JOIN next USING (business_id)
ORDER BY said.business_id, said.nth
