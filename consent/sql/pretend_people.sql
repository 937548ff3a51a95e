-- pretend_people · puts one person for each history and country into the tables of pretend.sql
-- in: ids, countries, kinds, ages, offered, stopped (arrays of one length), now
WITH pretended AS (
    SELECT *
    FROM unnest(%(ids)s::bigint[], %(countries)s::text[], %(kinds)s::smallint[], %(ages)s::interval[],
                %(offered)s::boolean[], %(stopped)s::boolean[]) AS p (id, country, kind, age, offered, stopped)
),
people AS (
    INSERT INTO consent_recipient (id, country)
    SELECT id, country
    FROM pretended
),
addresses AS (
    INSERT INTO consent_address (id, recipient_id, kind)
    SELECT id, id, 'e164'
    FROM pretended
),
contacts AS (
    INSERT INTO consent_contact (id, business_id, recipient_id)
    SELECT id, -1, id
    FROM pretended
),
refusals AS (
    INSERT INTO consent_refusal (id, legal_entity_id, recipient_id, kind)
    SELECT id, -1, id, 1
    FROM pretended
    WHERE stopped
)
INSERT INTO consent_interaction (id, business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered, is_probe)
SELECT id, -1, id, kind, 1, %(now)s::timestamptz - age, offered, FALSE
FROM pretended
