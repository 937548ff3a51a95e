-- differences_in_the_books · (what, expected, found) for every sum that does not follow from the ledger; no row is good
WITH by_wallet AS (
    SELECT wallet_id, sum(balance_micro) AS balance, sum(held_micro) AS held
    FROM businesses_ledgerentry
    GROUP BY wallet_id
),
by_hold AS (
    SELECT
        hold_id,
        coalesce(sum(held_micro) FILTER (WHERE kind = 'hold'), 0) AS amount,
        -coalesce(sum(balance_micro) FILTER (WHERE kind = 'capture'), 0) AS captured,
        -coalesce(sum(held_micro) FILTER (WHERE kind = 'release'), 0) AS released,
        sum(held_micro) AS remaining
    FROM businesses_ledgerentry
    WHERE hold_id IS NOT NULL
    GROUP BY hold_id
),
open_holds AS (
    SELECT wallet_id, sum(amount_micro - captured_micro - released_micro) AS held
    FROM businesses_hold
    GROUP BY wallet_id
),
wallets AS (
    SELECT
        wallet.*,
        business.code,
        coalesce(by_wallet.balance, 0) AS ledger_balance,
        coalesce(by_wallet.held, 0) AS ledger_held,
        coalesce(open_holds.held, 0) AS holds_held,
        business.currency AS business_currency
    FROM businesses_wallet AS wallet
    JOIN businesses_business AS business ON business.id = wallet.business_id
    LEFT JOIN by_wallet ON by_wallet.wallet_id = wallet.id
    LEFT JOIN open_holds ON open_holds.wallet_id = wallet.id
),
holds AS (
    SELECT
        hold.*,
        coalesce(by_hold.amount, 0) AS ledger_amount,
        coalesce(by_hold.captured, 0) AS ledger_captured,
        coalesce(by_hold.released, 0) AS ledger_released,
        coalesce(by_hold.remaining, 0) AS ledger_remaining
    FROM businesses_hold AS hold
    LEFT JOIN by_hold ON by_hold.hold_id = hold.id
)
SELECT 'balance of ' || code, ledger_balance::text, balance_micro::text
FROM wallets
WHERE balance_micro <> ledger_balance
UNION ALL
SELECT 'held by ' || code, ledger_held::text, held_micro::text
FROM wallets
WHERE held_micro <> ledger_held
UNION ALL
SELECT 'open holds of ' || code, held_micro::text, holds_held::text
FROM wallets
WHERE held_micro <> holds_held
UNION ALL
SELECT 'available to ' || code, 'at least 0', (balance_micro - held_micro)::text
FROM wallets
WHERE held_micro < 0 OR balance_micro < held_micro
UNION ALL
SELECT 'currency of the wallet of ' || code, business_currency, currency
FROM wallets
WHERE currency <> business_currency
UNION ALL
SELECT 'amount of ' || code, ledger_amount::text, amount_micro::text
FROM holds
WHERE amount_micro <> ledger_amount
UNION ALL
SELECT 'captured from ' || code, ledger_captured::text, captured_micro::text
FROM holds
WHERE captured_micro <> ledger_captured
UNION ALL
SELECT 'released from ' || code, ledger_released::text, released_micro::text
FROM holds
WHERE released_micro <> ledger_released
UNION ALL
SELECT 'remaining of ' || code, ledger_remaining::text, (amount_micro - captured_micro - released_micro)::text
FROM holds
WHERE ledger_remaining <> amount_micro - captured_micro - released_micro
UNION ALL
SELECT 'closing of ' || code, 'closed exactly when nothing remains', coalesce(closed_at::text, 'open')
FROM holds
WHERE (closed_at IS NULL) <> (amount_micro - captured_micro - released_micro > 0)
UNION ALL
SELECT 'wallet of ledger entry ' || entry.id, hold.wallet_id::text, entry.wallet_id::text
FROM businesses_ledgerentry AS entry
JOIN businesses_hold AS hold ON hold.id = entry.hold_id
WHERE hold.wallet_id <> entry.wallet_id
UNION ALL
SELECT 'shape of ledger entry ' || id, 'as its kind demands', kind || ' (' || balance_micro || ', ' || held_micro || ')'
FROM businesses_ledgerentry
WHERE NOT CASE kind
    WHEN 'top_up' THEN balance_micro > 0 AND held_micro = 0 AND hold_id IS NULL
    WHEN 'adjustment' THEN balance_micro <> 0 AND held_micro = 0 AND hold_id IS NULL
    WHEN 'hold' THEN balance_micro = 0 AND held_micro > 0 AND hold_id IS NOT NULL
    WHEN 'capture' THEN balance_micro < 0 AND held_micro = balance_micro AND hold_id IS NOT NULL
    WHEN 'release' THEN balance_micro = 0 AND held_micro < 0 AND hold_id IS NOT NULL
    ELSE false
END
ORDER BY 1
