-- The tables of one version of the ledger projection; {schema} is that version's own schema.
-- All but entity and organization_record are append-only. Days are date ordinals.

CREATE TABLE {schema}.entry (
    entry integer PRIMARY KEY,
    position bigint NOT NULL,
    org_no integer NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    previous integer NOT NULL,
    attributes_no integer NOT NULL,
    excluded integer NOT NULL,
    full_members integer NOT NULL,
    probationary_members integer NOT NULL,
    activists integer NOT NULL,
    standalone integer NOT NULL,
    joint integer NOT NULL,
    affiliated integer NOT NULL,
    instructors integer NOT NULL,
    full_elsewhere integer NOT NULL,
    probationary_elsewhere integer NOT NULL,
    answers integer NOT NULL,
    effective_standalone integer NOT NULL,
    effective_joint integer NOT NULL,
    effective_affiliated integer NOT NULL
);

-- Which bodies an organization answers to: of each kind one, 'none' or null, and those that do not exist on the days.
CREATE TABLE {schema}.answers (
    answers integer PRIMARY KEY,
    supervising_unit text,
    industry_department text,
    park text,
    building text,
    market text,
    platform text,
    waiting text[] NOT NULL
);

CREATE TABLE {schema}.organization (
    org_no integer PRIMARY KEY,
    org text NOT NULL UNIQUE
);

CREATE TABLE {schema}.attributes (
    attributes_no integer PRIMARY KEY,
    org_no integer NOT NULL,
    kind text NOT NULL,
    category text NOT NULL,
    name text NOT NULL,
    region text NOT NULL,
    industry text,
    employees integer,
    supervisor text,
    address text,
    registered_region text,
    legal_person boolean,
    above_scale boolean
);

CREATE TABLE {schema}.presence (
    position bigint NOT NULL,
    entity text NOT NULL,
    org_no integer NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    value text
);

CREATE TABLE {schema}.anomaly (
    position bigint NOT NULL,
    anomaly text NOT NULL,
    subject text,
    fact_position bigint NOT NULL,
    day integer,
    detail text NOT NULL,
    present boolean NOT NULL
);

CREATE TABLE {schema}.policy (
    position bigint NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    full_members_for_branch integer NOT NULL,
    employees_for_branch integer NOT NULL,
    formations_counted text[] NOT NULL,
    members_counted text,
    small_unit integer
);

CREATE TABLE {schema}.activity_policy (
    position bigint NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    data text
);

CREATE TABLE {schema}.branch (
    position bigint NOT NULL,
    branch text NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    name text,
    tier text,
    formation text,
    region text,
    groups integer,
    formed_on integer,
    term_from integer,
    term_to integer,
    extended_to integer[],
    vacant_since integer
);

CREATE TABLE {schema}.meeting (
    position bigint NOT NULL,
    branch text NOT NULL,
    day integer NOT NULL,
    kind text NOT NULL,
    held integer NOT NULL
);

CREATE TABLE {schema}.parent (
    position bigint NOT NULL,
    branch text NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    parent text
);

CREATE TABLE {schema}.in_effect (
    position bigint NOT NULL,
    branch text NOT NULL,
    day_from integer NOT NULL,
    day_to integer NOT NULL,
    in_effect boolean NOT NULL
);

CREATE TABLE {schema}.mention (
    identifier text NOT NULL,
    position bigint NOT NULL,
    since bigint NOT NULL
);

CREATE TABLE {schema}.word (
    source text NOT NULL,
    id text NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX word_target ON {schema}.word (source, id);

CREATE TABLE {schema}.entity (
    name text PRIMARY KEY,
    record bytea NOT NULL
);

CREATE TABLE {schema}.organization_record (
    org text PRIMARY KEY,
    record bytea NOT NULL
);
