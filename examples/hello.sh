#!/usr/bin/env bash
# The shortest way in, with curl and jq: a token, what it permits, and the alerts of the last two days as CSV.
# BARTIZAN is the file that `bartizan quickstart` writes.
set -euo pipefail
file=${BARTIZAN:-bartizan-data/quickstart.json}
value() { jq -er ".$1" "$file"; }

token=$(curl -sSf --cacert "$(value ca_file)" "$(value base_url)/$(value tenant_id)/oauth2/token" \
  -d grant_type=client_credentials -d "client_id=$(value client_id)" --data-urlencode "client_secret=$(value client_secret)" \
  -d resource=https://api.securitycenter.microsoft.com | jq -er .access_token)
jq -rR 'split(".")[1] | gsub("-"; "+") | gsub("_"; "/") | . + "=" * ((4 - length % 4) % 4) | @base64d | fromjson
  | "the token permits \(.roles | length) things, among them \(.roles[] | select(. == "Alert.Read.All"))"' <<<"$token" >&2

since=$(date -u -d '48 hours ago' +%Y-%m-%dT%H:%M:%S.0000000Z)
curl -sSf --cacert "$(value ca_file)" -G "$(value base_url)/api/alerts" -H "Authorization: Bearer $token" \
  --data-urlencode "\$filter=alertCreationTime ge $since" |
  jq -r '.value | (["id", "severity", "status", "title", "computerDnsName"] as $names
    | $names, (.[] | [.[$names[]]])) | @csv'
