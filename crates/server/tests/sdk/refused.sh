#!/bin/sh
# One refusal of each code and action that the Python script met, typed to the SDK's command line.
set -eu
export TENCENTCLOUD_SECRET_ID=$TIDEGATE_SECRET_ID TENCENTCLOUD_SECRET_KEY=$TIDEGATE_SECRET_KEY TENCENTCLOUD_REGION=ap-guangzhou
count=0
while IFS='	' read -r code action params; do
  printf %s "$params" >"$HOME/refused.json"
  status=0
  said=$("$TCCLI" dts "$action" --endpoint "$TIDEGATE_URL" --cli-input-json "file://$HOME/refused.json" 2>&1) || status=$?
  case $status:$said in
    255:*"code:$code "*requestId:*) count=$((count + 1)) ;;
    *) echo "$action $params: $status $said instead of $code" >&2; exit 1 ;;
  esac
done <"$TIDEGATE_REFUSED.lines"
[ "$count" -ge 12 ] || { echo "only $count refusals" >&2; exit 1; }
echo "tccli: $count refusals as published"
