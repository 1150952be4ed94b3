"""A whole migration by the SDK alone: states as public clients wait for them, one after the other.

Arguments: the ports of source and target, their user and password."""
import sys
import urllib.request

from client import *

source, target, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
ends = dict(source=side(source, user, password, DatabaseType=SOURCE),
            target=side(target, user, password, DatabaseType=TARGET))
chosen = {"ObjectMode": "partial", "Databases": [{"DbName": "shop", "DBMode": "all"}]}


def step(found, name):
    return next(step for step in found["StepInfo"]["StepInfo"] if step["StepId"] == name)


job = create()[0]
assert detail(job)["Status"] == "created"
call("ModifyMigrationJob", **configuration(job, objects=chosen, **ends))
assert detail(job)["Status"] == "created"
call("CreateMigrateCheckJob", JobId=job)
until(job, "checkPass")
assert call("DescribeMigrationCheckJob", JobId=job)["CheckFlag"] == "checkPass"
call("ModifyMigrationJob", **configuration(job, objects=chosen, **ends))
assert detail(job)["Status"] == "created", "a changed job must be checked anew"
call("CreateMigrateCheckJob", JobId=job)
until(job, "checkPass")

begun = time.monotonic()
call("StartMigrateJob", JobId=job)
until(job, "running")
fails("OperationDenied.OperationDeniedError", "CompleteMigrateJob", {"JobId": job})
fails("OperationDenied.OperationDeniedError", "StartMigrateJob", {"JobId": job})
call("ModifyMigrateRateLimit", JobId=job, DumpThread=3, DumpRps=1000000)
assert detail(job)["RateLimitOption"]["CurrentDumpThread"] == 3
found = until(job, "readyComplete")
assert time.monotonic() - begun >= 5, "running was not to be seen for 5 s"
assert found["StepInfo"]["StepNow"] == 3 and found["StepInfo"]["SecondsBehindMaster"] >= 0, found["StepInfo"]
assert step(found, "dumper")["Percent"] == step(found, "loader")["Percent"] == 100

page = urllib.request.urlopen(os.environ["TIDEGATE_URL"] + "/metrics").read().decode()
for figure in (f'tidegate_jobs{{status="readyComplete"}} 1', f'tidegate_job_caught_up{{job="{job}"}} 1',
               f'tidegate_job_lag_seconds{{job="{job}"}}', f'tidegate_job_rows_copied{{job="{job}"}} 5'):
    assert figure in page, f"{figure} is not in {page}"

call("PauseMigrateJob", JobId=job)
until(job, "manualPaused")
fails("OperationDenied.OperationDeniedError", "CompleteMigrateJob", {"JobId": job})
call("ContinueMigrateJob", JobId=job)
assert detail(job)["Status"] == "running"
until(job, "readyComplete")
call("CompleteMigrateJob", JobId=job)
found = until(job, "success")
record = json.loads(step(found, "sinker")["StepMessage"])
assert record["equal"] and len(record["tables"]) == 2, record
assert all(one["source_digest"] == one["target_digest"] for one in record["tables"])
assert "proven equal" in found["BriefMsg"], found["BriefMsg"]
assert [one["Status"] for one in found["StepInfo"]["StepInfo"]] == ["finished"] * 3
fails("OperationDenied.OperationDeniedError", "StopMigrateJob", {"JobId": job})

# Another one is stopped on its way: it can't be started again.
other = create()[0]
renamed = {"ObjectMode": "partial", "Databases": [{"DbName": "shop", "NewDbName": "shop2", "DBMode": "all"}]}
call("ModifyMigrationJob", **configuration(other, objects=renamed, **ends))
call("CreateMigrateCheckJob", JobId=other)
until(other, "checkPass")
call("StartMigrateJob", JobId=other)
until(other, "running")
call("StopMigrateJob", JobId=other)
until(other, "canceled")
fails("OperationDenied.OperationDeniedError", "ResumeMigrateJob", {"JobId": other})

# A full copy without changes ends by itself, and running is seen all the same.
third = create()[0]
renamed = {"ObjectMode": "partial", "Databases": [{"DbName": "shop", "NewDbName": "shop3", "DBMode": "all"}]}
call("ModifyMigrationJob", **configuration(third, objects=renamed, MigrateType="full", **ends))
call("CreateMigrateCheckJob", JobId=third)
until(third, "checkPass")
call("StartMigrateJob", JobId=third)
seen = []
found = until(third, "success", seen=seen)
assert "running" in seen and step(found, "sinker")["Status"] == "skipped", (seen, found["StepInfo"])
print("a whole life was as published")
