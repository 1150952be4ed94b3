"""Consistency checks by the SDK alone: one whole life, one that is stopped, and every refusal.

Arguments: the ports of source and target, their user and password."""
import sys

from client import *

source, target, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
DENIED = "OperationDenied.OperationDeniedError"
BAD = "InvalidParameterValue.InvalidParameterValueError"
job = create()[0]
fails(DENIED, "CreateCompareTask", {"JobId": job})
chosen = {"ObjectMode": "partial", "Databases": [{"DbName": "shop", "DBMode": "all"}]}
call("ModifyMigrationJob", **configuration(job, objects=chosen, source=side(source, user, password),
                                           target=side(target, user, password)))
call("CreateMigrateCheckJob", JobId=job)
until(job, "checkPass")
call("StartMigrateJob", JobId=job)
until(job, "readyComplete")
assert detail(job)["CompareTask"]["Status"] == "notexist"


def tasks(**more):
    return call("DescribeCompareTasks", JobId=job, **more)["Items"]


def waits(task, *wanted):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = tasks(CompareTaskId=task)[0]
        if found["Status"] in wanted:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{task} is {found['Status']} ({found['Message']}), not {wanted}")


task = call("CreateCompareTask", JobId=job)["CompareTaskId"]
assert task.startswith(job + "-cmp-") and len(task) == len(job) + 13, task
one = dict(JobId=job, CompareTaskId=task)
first = tasks()[0]
assert (first["Status"], first["TaskName"], first["Method"]) == ("created", task, "dataCheck"), first
assert detail(job)["CompareTask"] == {"CompareTaskId": task, "Status": "unstart"}
call("ModifyCompareTaskName", TaskName="nightly", **one)
call("ModifyCompareTask", TaskName="", ObjectMode="custom", Options={"ThreadCount": 2}, Objects={
    "ObjectMode": "partial", "ObjectItems": [{"DbName": "shop", "DbMode": "partial", "TableMode": "partial",
                                              "Tables": [{"TableName": "customer"}]}]}, **one)
fails(DENIED, "DeleteCompareTask", one)
fails(DENIED, "StopCompare", one)
call("StartCompare", **one)
fails(DENIED, "StartCompare", one)
waits(task, "running")
assert detail(job)["CompareTask"]["Status"] == "running"
found = waits(task, "success")
assert (found["Conclusion"], found["TaskName"]) == ("same", "nightly"), found
assert found["Message"].startswith("not covered: only rows are compared"), found["Message"]
report = call("DescribeCompareReport", **one)
assert report["Abstract"]["CheckedTables"] == 1 and report["Abstract"]["SrcSampleRows"] == 3, report
assert report["Abstract"]["Conclusion"] == "same" and report["Detail"]["Difference"]["TotalCount"] == 0
assert call("DescribeCompareDiffItems", **one)["TotalCount"] == 0
assert call("DescribeMigrateGtidCompareReport", JobId=job)["Conclusion"] == "same"
assert detail(job)["CompareTask"]["Status"] == "consistent"
fails(DENIED, "ModifyCompareTask", one)

for options in ({"Method": "sampleDataCheck", "SampleRate": 5}, {"ReCheckTime": 9}, {"ThreadCount": 9},
                {"Method": "guess"}):
    fails(BAD, "CreateCompareTask", {"JobId": job, "Options": options})
for options in ({"CompareMode": ["increment"]}, {"Type": "independent"}):
    fails("UnsupportedOperation.UnsupportedOperationError", "CreateCompareTask", {"JobId": job, "Options": options})
other = {"ObjectMode": "partial", "ObjectItems": [{"DbName": "mysql", "DbMode": "all"}]}
fails(BAD, "CreateCompareTask", {"JobId": job, "ObjectMode": "custom", "Objects": other})
fails("ResourceNotFound.ResourceNotFoundError", "StartCompare", {"JobId": job, "CompareTaskId": "nothing"})

second = call("CreateCompareTask", JobId=job, TaskName="sampled",
              Options={"Method": "sampleDataCheck", "SampleRate": 50})["CompareTaskId"]
assert [one["CompareTaskId"] for one in tasks()] == [second, task], "newest first"
call("StartCompare", JobId=job, CompareTaskId=second)
call("StopCompare", JobId=job, CompareTaskId=second, ForceStop=True)
waits(second, "canceled", "success")
call("DeleteCompareTask", **one)
assert [one["CompareTaskId"] for one in tasks()] == [second]
print("checks were as published")
