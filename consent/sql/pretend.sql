-- pretend · lays empty temporary tables before the real ones about people, for a transaction that is never committed
CREATE TEMPORARY TABLE consent_recipient ON COMMIT DROP AS SELECT * FROM consent_recipient WITH NO DATA;
CREATE TEMPORARY TABLE consent_address ON COMMIT DROP AS SELECT * FROM consent_address WITH NO DATA;
CREATE TEMPORARY TABLE consent_contact ON COMMIT DROP AS SELECT * FROM consent_contact WITH NO DATA;
CREATE TEMPORARY TABLE consent_interaction ON COMMIT DROP AS SELECT * FROM consent_interaction WITH NO DATA;
CREATE TEMPORARY TABLE consent_refusal ON COMMIT DROP AS SELECT * FROM consent_refusal WITH NO DATA
