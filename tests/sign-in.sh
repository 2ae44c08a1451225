#!/usr/bin/env bash
# Programs of others sign in here: the libraries of the compatible service for Python and Node.js, a strict OpenID
# Connect client, and a browser that is shown the real pages. Each gets tokens that the API takes, and so do a client and a
# user of a provider of others, and a user with a passkey.
# Needs python3 and node with packages from their indexes, in the folders SIGN_IN_VENV and SIGN_IN_NODE where they are
# there already, and for the last part Chromium; what cannot be installed is skipped. SIGN_IN_SHOTS is a folder for
# pictures of the pages.
set -euo pipefail

bartizan=$(realpath "${1:-target/release/bartizan}")
tests=$(realpath "$(dirname "$0")")
. "$tests/server.sh"

start
connection="$work/data/quickstart.json"
value() { jq -er ".$1" "$connection"; }
ca=$(value ca_file)

venv=${SIGN_IN_VENV:-$work/venv}
if "$venv/bin/python" -c 'import msal, azure.identity' 2>/dev/null ||
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --retries 1 --timeout 15 \
    msal==1.39.0 azure-identity==1.27.0; } >"$work/pip" 2>&1; then
  REQUESTS_CA_BUNDLE="$ca" "$venv/bin/python" "$tests/sign_in/libraries.py" "$connection" || fail "a library for Python failed"
else
  echo "SKIPPED: the libraries for Python cannot be installed: $(tail -n 1 "$work/pip")"
fi

modules=${SIGN_IN_NODE:-$work/node}
mkdir -p "$modules"
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "SKIPPED: no node and npm"
elif [ -d "$modules/node_modules/openid-client" ] ||
  npm install --prefix "$modules" --no-audit --no-fund --ignore-scripts --fetch-retries 1 --fetch-timeout 15000 \
    @azure/msal-node@7.2.3 openid-client@6.9.0 playwright-core@1.65.1 oidc-provider@9.13.3 >"$work/npm" 2>&1; then
  cp "$tests"/sign_in/*.mjs "$work"
  ln -s "$modules/node_modules" "$work/node_modules"
  NODE_EXTRA_CA_CERTS="$ca" node "$work/libraries.mjs" "$connection" || fail "a library for Node.js failed"
  if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
      >"$work/apt" 2>&1 || true
  fi
  if command -v chromium >/dev/null; then
    NODE_EXTRA_CA_CERTS="$ca" CHROMIUM=$(command -v chromium) node "$work/pages.mjs" "$connection" ||
      fail "the pages failed in Chromium"
  else
    echo "SKIPPED: no chromium (Debian: sudo apt-get install chromium)"
  fi

  # A provider of others issues a token, which permits what the configuration says, and signs users in. The server is
  # reached by a name now, since passkeys belong to one.
  stop
  provider=$((port + 2))
  callback=https://localhost:$port/federated/corp/callback
  (cd "$work" && exec node outside.mjs "$provider" urn:bartizan:api "$work/outside-token" "$callback") \
    >"$work/provider.log" 2>&1 &
  processes+=($!)
  config=$work/bartizan.toml data=$work/data operator_port=$((port + 1))
  echo secret-of-the-server >"$work/secret"
  cat >"$config" <<TOML
data = "$data"
listen = "127.0.0.1:$port"
operator_listen = "127.0.0.1:$operator_port"
base_url = "https://localhost:$port"
[[outside_issuers]]
issuer = "http://127.0.0.1:$provider"
tenant = "sandbox.example"
audiences = ["urn:bartizan:api"]
claim = "scope"
[outside_issuers.permissions]
"soc.read" = ["Machine.Read.All"]
[[identity_providers]]
name = "corp"
display_name = "Corp"
issuer = "http://127.0.0.1:$provider"
tenant = "sandbox.example"
domains = ["corp.example"]
client_id = "bartizan"
client_secret_file = "secret"
[identity_providers.groups]
"soc" = "Analysts"
TOML
  . "$tests/serving.sh"
  serve
  for _ in $(seq 100); do [ -s "$work/outside-token" ] && break; sleep 0.1; done
  bearer=$(cat "$work/outside-token")
  status() { api "$1" -o /dev/null -w '%{http_code}'; }
  [ "$(status /api/machines)" = 200 ] || fail "the token of an outside issuer is not taken: $(api /api/machines)"
  [ "$(status /api/alerts)" = 403 ] || fail "the token of an outside issuer permits too much"
  echo "  oidc-provider: a token of an outside issuer"

  if command -v chromium >/dev/null; then
    sed "s#https://127.0.0.1:#https://localhost:#g" "$connection" >"$data/credentials.json"
    token
    body() { api "/api/management/$1" -H 'Content-Type: application/json' -d "$2"; }
    group=$(body userGroups '{"name": "Analysts"}' | jq -er .id)
    body roles/analyst/assign "{\"userGroups\": [\"$group\"]}" >/dev/null
    # Who has lost an authenticator app is helped by an administrator.
    [ "$(body "users/$(value username)/removeSecondFactors" '{}' | jq -c .secondFactorsRemoved)" = '["totp"]' ] ||
      fail "the second factor is not taken away"
    for flow in federation passkeys; do
      NODE_EXTRA_CA_CERTS="$ca" CHROMIUM=$(command -v chromium) node "$work/$flow.mjs" "$data/credentials.json" "$data/tls/server.pem" ||
        fail "$flow failed in Chromium"
    done
  fi
else
  echo "SKIPPED: the libraries for Node.js cannot be installed: $(tail -n 1 "$work/npm")"
fi

stop
echo "sign-in passed"
