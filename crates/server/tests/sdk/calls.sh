#!/bin/sh
# The command line of the public SDK: what is typed by hand, and how failures end.
set -eu
url=$TIDEGATE_URL
export TENCENTCLOUD_SECRET_ID=$TIDEGATE_SECRET_ID TENCENTCLOUD_SECRET_KEY=$TIDEGATE_SECRET_KEY TENCENTCLOUD_REGION=ap-guangzhou
dts() { "$TCCLI" dts "$@" --endpoint "$url"; }
fail() { echo "$1" >&2; exit 1; }

created=$(dts CreateMigrationService --SrcDatabaseType mysql --DstDatabaseType mysql --SrcRegion ap-guangzhou \
  --DstRegion ap-guangzhou --InstanceClass medium --Tags '[{"TagKey":"k","TagValue":"v"}]' --filter 'JobIds[0]')
job=$(printf %s "$created" | tr -d '"')
dts ModifyMigrationJob --cli-unfold-argument --JobId "$job" --RunMode immediate \
  --MigrateOption.DatabaseTable.ObjectMode all \
  --SrcInfo.Region ap-guangzhou --SrcInfo.AccessType extranet --SrcInfo.DatabaseType mysql --SrcInfo.NodeType simple \
  --SrcInfo.Info.0.Host 127.0.0.1 --SrcInfo.Info.0.Port 1 --SrcInfo.Info.0.User root --SrcInfo.Info.0.Password geheim \
  --DstInfo.Region ap-guangzhou --DstInfo.AccessType extranet --DstInfo.DatabaseType mysql --DstInfo.NodeType simple \
  --DstInfo.Info.0.Host 127.0.0.1 --DstInfo.Info.0.Port 2 --DstInfo.Info.0.User root --DstInfo.Info.0.Password geheim \
  >/dev/null
detail=$(dts DescribeMigrationDetail --JobId "$job")
case $detail in *geheim*) fail "a password is shown" ;; esac
case $detail in *'"Status": "created"'*) ;; *) fail "the job is not created: $detail" ;; esac
dts CreateMigrateCheckJob --JobId "$job" >/dev/null
dts DescribeMigrationJobs --JobId "$job" --waiter "{'expr':'JobList[0].Status','to':'checkNotPass','timeout':30,'interval':1}" >/dev/null
status=0
message=$(dts StartMigrateJob --JobId "$job" 2>&1) || status=$?
[ "$status" -eq 255 ] || fail "a refused call ends with $status"
case $message in *OperationDenied.OperationDeniedError*requestId*) ;; *) fail "no code: $message" ;; esac
status=0
message=$(dts DescribeMigrationDetail --JobId dts-nothere1 2>&1) || status=$?
case $status:$message in 255:*ResourceNotFound.ResourceNotFoundError*) ;; *) fail "$status: $message" ;; esac
dts IsolateMigrateJob --JobId "$job" >/dev/null
echo "tccli: all calls are as published"
