#!/bin/sh
# A role and a database for the records, a role and a database for ejabberd: neither can look into the other's.
# The image runs this once, when it makes the cluster. The passwords come from the environment, never as arguments.
set -eu
: "${AVISO_DATABASE_PASSWORD:?}" "${AVISO_EJABBERD_DATABASE_PASSWORD:?}"

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv aviso AVISO_DATABASE_PASSWORD
\getenv ejabberd AVISO_EJABBERD_DATABASE_PASSWORD
CREATE ROLE aviso LOGIN PASSWORD :'aviso';
CREATE ROLE ejabberd LOGIN PASSWORD :'ejabberd';
CREATE DATABASE aviso OWNER aviso;
CREATE DATABASE ejabberd OWNER ejabberd;
-- Whoever connects to it finds the tables without their schema's name.
ALTER ROLE aviso IN DATABASE aviso SET search_path = public, aviso;
REVOKE ALL ON DATABASE aviso, ejabberd FROM PUBLIC;
SQL
