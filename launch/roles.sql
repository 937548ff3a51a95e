-- roles · one role owns and migrates the tables, another one only reads and writes their rows.
-- Run it as a superuser inside Tambour's database; running it again changes nothing. Passwords, where the
-- server asks for them, come from the session settings tambour.owner_password and tambour.password.
DO $$
DECLARE
    owner_password text := nullif(current_setting('tambour.owner_password', true), '');
    plain_password text := nullif(current_setting('tambour.password', true), '');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tambour_owner') THEN
        CREATE ROLE tambour_owner LOGIN NOSUPERUSER;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tambour') THEN
        CREATE ROLE tambour LOGIN NOSUPERUSER;
    END IF;
    IF owner_password IS NOT NULL THEN
        EXECUTE format('ALTER ROLE tambour_owner PASSWORD %L', owner_password);
    END IF;
    IF plain_password IS NOT NULL THEN
        EXECUTE format('ALTER ROLE tambour PASSWORD %L', plain_password);
    END IF;
    -- Compiling the gate's decision takes seconds, running it milliseconds: docs/decisions/0016-no-jit.md
    ALTER ROLE tambour SET jit = off;
    -- What a gate reads was written a moment ago: docs/decisions/0027-the-planner-knows-what-was-frozen.md
    ALTER ROLE tambour SET random_page_cost = 1.1;
    EXECUTE format('ALTER DATABASE %I OWNER TO tambour_owner', current_database());
END
$$;

ALTER DEFAULT PRIVILEGES FOR ROLE tambour_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tambour;
ALTER DEFAULT PRIVILEGES FOR ROLE tambour_owner GRANT USAGE, SELECT ON SEQUENCES TO tambour;
ALTER DEFAULT PRIVILEGES FOR ROLE tambour_owner GRANT EXECUTE ON FUNCTIONS TO tambour;
