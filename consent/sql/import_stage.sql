-- import_stage · temporary tables for the lines of a file and for the links of proof they bring; gone with the transaction
DROP TABLE IF EXISTS import_row;
DROP TABLE IF EXISTS import_fault;
DROP TABLE IF EXISTS import_person;
DROP TABLE IF EXISTS import_hushed;
DROP TABLE IF EXISTS new_link;
CREATE TEMPORARY TABLE import_row (
    line integer NOT NULL,
    value text NOT NULL,
    country text NOT NULL,
    timezone text NOT NULL,
    line_type smallint NOT NULL,
    name text NOT NULL,
    language text NOT NULL,
    attributes jsonb NOT NULL,
    kind smallint,
    occurred_at timestamptz,
    opt_out_offered boolean NOT NULL,
    evidence text NOT NULL,
    is_stop boolean NOT NULL,
    contact_code text NOT NULL,
    recipient_code text NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_fault (
    line integer NOT NULL,
    "column" text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    cells jsonb
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_hushed (
    address_hash bytea NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE new_link (
    recipient_id bigint NOT NULL,
    business_id bigint,
    kind text NOT NULL,
    payload jsonb NOT NULL
) ON COMMIT DROP
