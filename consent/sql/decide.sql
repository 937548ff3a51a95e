-- decide · one verdict per asked person, as of this statement's snapshot; reserves nothing
-- in:  ids, lacks_variable (arrays of one length), business_id, legal_entity_id, address_kinds, salt, holdout_permille, now,
--      line_types (which telephone lines can be reached; NULL: all)
-- out: id, country, reason (0 = go), interaction_id, basis, cap_counts, free_at (when a full cap has room again)
-- Each LATERAL with LIMIT or an aggregate is one index look-up per person, whatever the planner believes about sizes:
-- a join by hashing would read all contacts of the business for every batch.
WITH asked AS MATERIALIZED (
    SELECT a.id,
           a.lacks_variable,
           r.country,
           r.own_limit,
           r.paused_all_at IS NOT NULL AS has_paused_all,
           r.id IS NULL OR r.erased_at IS NOT NULL AS is_erased,
           r.evidence_from,
           c.last_reaction,
           c.id IS NOT NULL AS is_contact
    FROM unnest(%(ids)s::bigint[], %(lacks_variable)s::boolean[]) AS a (id, lacks_variable)
    LEFT JOIN LATERAL (
        SELECT * FROM consent_recipient p WHERE p.id = a.id LIMIT 1
    ) r ON TRUE
    LEFT JOIN LATERAL (
        SELECT k.id, k.last_reaction
        FROM consent_contact k
        WHERE k.business_id = %(business_id)s AND k.recipient_id = a.id
        LIMIT 1
    ) c ON TRUE
),
land AS MATERIALIZED (
    -- A country without rules of its own takes those of '', the strictest.
    SELECT l.country,
           CASE WHEN EXISTS (SELECT 1 FROM consent_basisrule b WHERE b.country = l.country)
                THEN l.country ELSE '' END AS basis_country
    FROM (SELECT DISTINCT country FROM asked) l
),
rule AS MATERIALIZED (
    SELECT l.country, b.kind, b.basis, b.needs_opt_out_offered,
           %(now)s::timestamptz - b.valid_days * interval '1 day' AS valid_after
    FROM land l
    JOIN consent_basisrule b ON b.country = l.basis_country
),
judged AS MATERIALIZED (
    SELECT a.id, a.country, a.own_limit, a.last_reaction,
           evidence.interaction_id, evidence.basis,
           CASE
               WHEN a.is_erased THEN 10
               WHEN address.is_reached IS NULL THEN 11
               WHEN NOT address.is_reached THEN 12
               WHEN NOT a.is_contact OR evidence.interaction_id IS NULL THEN 20
               WHEN evidence.basis IS NULL THEN 30
               WHEN evidence.standing = 2 THEN 40
               WHEN evidence.standing = 1 THEN 41
               WHEN refusal.has_blocked THEN 51
               WHEN refusal.has_stopped THEN 50
               WHEN a.has_paused_all THEN 60
               WHEN a.lacks_variable THEN 70
               WHEN %(holdout_permille)s > 0
                    AND ('x' || substr(md5(%(salt)s || ':' || a.id), 1, 8))::bit(32)::bigint %% 1000 < %(holdout_permille)s THEN 90
               ELSE 0
           END AS reason
    FROM asked a
    LEFT JOIN LATERAL (
        -- Not EXISTS: of that the planner may make one reading of all addresses for every batch.
        SELECT bool_or(COALESCE(d.line_type = ANY(%(line_types)s::smallint[]), TRUE)) AS is_reached
        FROM consent_address d
        WHERE d.recipient_id = a.id AND d.kind = ANY(%(address_kinds)s::text[])
    ) address ON TRUE
    LEFT JOIN LATERAL (
        -- Any valid evidence will do: a short-lived newer one never hides a longer older one, and what waits for its
        -- probe or is under suspicion never hides what is good.
        SELECT i.id AS interaction_id, rule.basis, trusted.standing
        FROM consent_interaction i
        LEFT JOIN rule
               ON rule.country = a.country
              AND rule.kind = i.kind
              AND i.occurred_at > rule.valid_after
              AND (i.opt_out_offered OR NOT rule.needs_opt_out_offered)
        LEFT JOIN consent_importbatch batch ON batch.id = i.batch_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN batch.trust = 'quarantined' THEN 2 WHEN batch.trust = 'probe' AND NOT i.is_probe THEN 1 ELSE 0 END AS standing
        ) trusted
        WHERE i.business_id = %(business_id)s
          AND i.recipient_id = a.id
          AND i.withdrawn_at IS NULL
          -- An undo holds for the whole batch at once, and for each of its people when their proof is written.
          AND batch.trust IS DISTINCT FROM 'withdrawn'
          AND i.occurred_at <= %(now)s::timestamptz
          -- Earlier the number was somebody else's.
          AND (a.evidence_from IS NULL OR i.occurred_at > a.evidence_from)
        ORDER BY rule.basis IS NULL, trusted.standing, rule.basis, i.occurred_at DESC, i.id
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
    ORDER BY k.scope, width
),
spent AS MATERIALIZED (
    -- When each person was told something, oldest first: by anybody, and by this business. See CapEntry.
    SELECT j.id, j.country, j.own_limit, j.last_reaction, entry.by_anybody, entry.by_us
    FROM judged j
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(e.told_at ORDER BY e.told_at), '{}') AS by_anybody,
               COALESCE(array_agg(e.told_at ORDER BY e.told_at) FILTER (WHERE e.business_id = %(business_id)s), '{}') AS by_us
        FROM (
            -- What may still arrive may arrive together with this offer: it counts as now.
            SELECT c.business_id, LEAST(c.counts_at, %(now)s::timestamptz) AS told_at
            FROM consent_capentry c
            WHERE c.recipient_id = j.id AND c.counts_at > %(now)s::timestamptz - interval '30 days'
        ) e
    ) entry
    WHERE j.reason = 0
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
       k.cap_counts::text,
       k.free_at
FROM judged j
LEFT JOIN (
    SELECT s.id, capped.*
    FROM spent s
    CROSS JOIN LATERAL (
        SELECT array_agg(counted.n::smallint) AS cap_counts,
               bool_or(scope = 0 AND n >= max_offers) AS is_own_full,
               bool_or(scope >= 2 AND n >= max_offers) AS is_business_full,
               bool_or(scope = 1 AND n >= max_offers) AS is_platform_full,
               -- The n-th newest entry must leave the window before the next offer fits.
               max(told[cardinality(told) + 1 - max_offers] + width) FILTER (WHERE n >= max_offers) AS free_at
        FROM (
            SELECT limits.*,
                   -- How many moments of a sorted array lie after the window's beginning.
                   cardinality(limits.told) - width_bucket(%(now)s::timestamptz - limits.width, limits.told) AS n
            FROM (
                SELECT 0 AS scope, s.own_limit AS max_offers, interval '7 days' AS width, s.by_anybody AS told
                WHERE s.own_limit IS NOT NULL
                UNION ALL
                SELECT cap.scope, cap.max_offers, cap.width, CASE WHEN cap.scope = 1 THEN s.by_anybody ELSE s.by_us END
                FROM cap
                WHERE cap.country = s.country AND (cap.scope <> 3 OR s.last_reaction = 2)
            ) limits
        ) counted
    ) capped
) k USING (id)
