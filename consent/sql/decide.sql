-- decide · one verdict per asked person, as of this statement's snapshot; reserves nothing
-- in:  ids, lacks_variable (arrays of one length), business_id, legal_entity_id, address_kinds, salt, holdout_permille, now
-- out: id, country, reason (0 = go), interaction_id, basis, cap_counts, free_at (when a full cap has room again)
WITH asked AS MATERIALIZED (
    SELECT a.id,
           a.lacks_variable,
           r.country,
           r.own_limit,
           r.paused_all_at IS NOT NULL AS has_paused_all,
           r.id IS NULL OR r.erased_at IS NOT NULL AS is_erased,
           c.last_reaction,
           c.id IS NOT NULL AS is_contact
    FROM unnest(%(ids)s::bigint[], %(lacks_variable)s::boolean[]) AS a (id, lacks_variable)
    LEFT JOIN consent_recipient r ON r.id = a.id
    LEFT JOIN consent_contact c ON c.business_id = %(business_id)s AND c.recipient_id = a.id
),
land AS MATERIALIZED (
    -- A country without rules of its own takes those of '', the strictest.
    SELECT l.country,
           CASE WHEN EXISTS (SELECT 1 FROM consent_basisrule b WHERE b.country = l.country)
                THEN l.country ELSE '' END AS basis_country
    FROM (SELECT DISTINCT country FROM asked) l
),
judged AS MATERIALIZED (
    SELECT a.id, a.country, a.own_limit, a.last_reaction,
           evidence.interaction_id, evidence.basis,
           CASE
               WHEN a.is_erased THEN 10
               WHEN NOT EXISTS (SELECT 1 FROM consent_address d
                                WHERE d.recipient_id = a.id AND d.kind = ANY(%(address_kinds)s::text[])) THEN 11
               WHEN NOT a.is_contact OR evidence.interaction_id IS NULL THEN 20
               WHEN evidence.basis IS NULL THEN 30
               WHEN evidence.is_quarantined THEN 40
               WHEN refusal.has_blocked THEN 51
               WHEN refusal.has_stopped THEN 50
               WHEN a.has_paused_all THEN 60
               WHEN a.lacks_variable THEN 70
               WHEN %(holdout_permille)s > 0
                    AND ('x' || substr(md5(%(salt)s || ':' || a.id), 1, 8))::bit(32)::bigint %% 1000 < %(holdout_permille)s THEN 90
               ELSE 0
           END AS reason
    FROM asked a
    LEFT JOIN land ON land.country = a.country
    LEFT JOIN LATERAL (
        -- Any valid evidence will do: a short-lived newer one never hides a longer older one.
        SELECT i.id AS interaction_id,
               rule.basis,
               COALESCE(batch.trust = 'quarantined', FALSE) AS is_quarantined
        FROM consent_interaction i
        LEFT JOIN consent_basisrule rule
               ON rule.country = land.basis_country
              AND rule.kind = i.kind
              AND i.occurred_at > %(now)s::timestamptz - rule.valid_days * interval '1 day'
              AND (i.opt_out_offered OR NOT rule.needs_opt_out_offered)
        LEFT JOIN consent_importbatch batch ON batch.id = i.batch_id
        WHERE i.business_id = %(business_id)s
          AND i.recipient_id = a.id
          AND i.withdrawn_at IS NULL
          AND i.occurred_at <= %(now)s::timestamptz
        ORDER BY (rule.id IS NOT NULL AND batch.trust IS DISTINCT FROM 'quarantined') DESC,
                 (rule.id IS NOT NULL) DESC, rule.basis, i.occurred_at DESC, i.id
        LIMIT 1
    ) evidence ON TRUE
    LEFT JOIN LATERAL (
        SELECT bool_or(f.kind = 1) AS has_stopped, bool_or(f.kind = 2) AS has_blocked
        FROM consent_refusal f
        WHERE f.legal_entity_id = %(legal_entity_id)s AND f.recipient_id = a.id AND f.lifted_at IS NULL
    ) refusal ON TRUE
),
cap AS MATERIALIZED (
    -- The rules that hold in each country at hand: its own where it has some of that scope, else those of ''.
    SELECT l.country, k.scope, k.max_offers, k.window_hours * interval '1 hour' AS width
    FROM land l
    JOIN consent_caprule k
      ON k.country = CASE WHEN EXISTS (SELECT 1 FROM consent_caprule own WHERE own.scope = k.scope AND own.country = l.country)
                          THEN l.country ELSE '' END
),
counted AS (
    SELECT j.id, limits.scope, limits.width, limits.max_offers,
           count(e.recipient_id) AS n,
           -- The n-th newest entry must leave the window before the next offer fits.
           (array_agg(e.reserved_at ORDER BY e.reserved_at DESC))[limits.max_offers] + limits.width AS free_at
    FROM judged j
    CROSS JOIN LATERAL (
        SELECT cap.scope, cap.max_offers, cap.width FROM cap
        WHERE cap.country = j.country AND (cap.scope <> 3 OR j.last_reaction = 2)
        UNION ALL
        SELECT 0, j.own_limit, interval '7 days' WHERE j.own_limit IS NOT NULL
    ) limits
    LEFT JOIN consent_capentry e
           ON e.recipient_id = j.id
          AND e.reserved_at > %(now)s::timestamptz - limits.width
          AND (limits.scope <= 1 OR e.business_id = %(business_id)s)
    WHERE j.reason = 0
    GROUP BY j.id, limits.scope, limits.width, limits.max_offers
),
capped AS (
    SELECT id,
           array_agg(n::smallint ORDER BY scope, width) AS cap_counts,
           bool_or(scope = 0 AND n >= max_offers) AS is_own_full,
           bool_or(scope >= 2 AND n >= max_offers) AS is_business_full,
           bool_or(scope = 1 AND n >= max_offers) AS is_platform_full,
           max(free_at) FILTER (WHERE n >= max_offers) AS free_at
    FROM counted
    GROUP BY id
)
SELECT j.id,
       j.country,
       CASE
           WHEN j.reason <> 0 THEN j.reason
           WHEN k.is_own_full THEN 100
           WHEN k.is_business_full THEN 101
           WHEN k.is_platform_full THEN 102
           ELSE 0
       END AS reason,
       j.interaction_id,
       j.basis,
       k.cap_counts,
       k.free_at
FROM judged j
LEFT JOIN capped k USING (id)
