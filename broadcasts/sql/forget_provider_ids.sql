-- forget_provider_ids · deletes (or, dry, counts) provider's ids of settled broadcasts among the next so many ids, in key order
-- in: broadcast_ids, sender_id, provider_id (the last one looked at), limit, is_dry
-- out: how many, and the last key looked at (null: that was all)
WITH looked_at AS MATERIALIZED (
    SELECT sender_id, provider_id, broadcast_id
    FROM broadcasts_providermessage
    WHERE (sender_id, provider_id) > (%(sender_id)s::bigint, %(provider_id)s::varchar)
    ORDER BY sender_id, provider_id
    LIMIT %(limit)s
),
old AS MATERIALIZED (
    SELECT sender_id, provider_id
    FROM looked_at
    WHERE broadcast_id = ANY(%(broadcast_ids)s::bigint[])
),
gone AS (
    DELETE FROM broadcasts_providermessage message
    USING old
    WHERE NOT %(is_dry)s AND message.sender_id = old.sender_id AND message.provider_id = old.provider_id
),
last AS (
    SELECT sender_id, provider_id
    FROM looked_at
    ORDER BY sender_id DESC, provider_id DESC
    LIMIT 1
)
SELECT (SELECT count(*) FROM old),
       (SELECT sender_id FROM last),
       (SELECT provider_id FROM last)
