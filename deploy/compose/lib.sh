# Shared by the scripts of this folder: the repository, the file with the settings, and `compose` on them.
# AVISO_ENV_FILE names another file than .env, AVISO_RUN_DIR another folder than .run; with COMPOSE_PROJECT_NAME they
# make a stack of its own.
cd "$(dirname "$0")/../.."
env_file=${AVISO_ENV_FILE:-.env}
run_dir=${AVISO_RUN_DIR:-.run}

# Prints a setting: of the environment, else of the file.
setting() {
  eval "value=\${$1:-}"
  [ -n "$value" ] || value=$(sed -n "s/^$1=//p" "$env_file" 2>/dev/null | tail -n 1 | tr -d "\"'")
  printf '%s' "$value"
}

compose() {
  [ -z "$(setting AVISO_DATABASE_URL)" ] || set -- -f deploy/compose.database.yml "$@"
  [ -z "$(setting AVISO_DOMAIN)" ] || set -- -f deploy/compose.https.yml "$@"
  docker compose --env-file "$env_file" -f deploy/compose.yml "$@"
}
