"""What needs no database: jobs are made, listed, changed, checked in vain, put away."""
from client import *


def every_signature():
    for more in ({}, {"reqMethod": "GET"}, {"signMethod": "HmacSHA1"}, {"signMethod": "HmacSHA256"},
                 {"signMethod": "HmacSHA256", "reqMethod": "GET"}):
        answer = call("DescribeMigrationJobs", typed(**more), Limit=3, Status=["created", "running"])
        assert answer["TotalCount"] == 0, answer
        nested = dict(SrcDatabaseType="mysql", DstDatabaseType="mysql", SrcRegion=REGION, DstRegion=REGION,
                      InstanceClass="small", JobName="ein Name mit Ümlaut & 未", Tags=[{"TagKey": "k", "TagValue": "v"}])
        job = call("CreateMigrationService", typed(**more), **nested)["JobIds"][0]
        found = detail(job)
        assert (found["JobName"], found["Status"]) == (nested["JobName"], "created"), found
        assert found["Tags"] == nested["Tags"]
        call("IsolateMigrateJob", JobId=job)
        call("DestroyMigrateJob", JobId=job)


def lists():
    ids = create(Count=5, Tags=[{"TagKey": "team", "TagValue": "shop"}])
    assert len(set(ids)) == 5
    def listed(**more):
        answer = call("DescribeMigrationJobs", **more)
        return answer["TotalCount"], [job["JobId"] for job in answer["JobList"]]
    newest = ids[::-1]
    assert listed() == (5, newest)
    assert listed(OrderSeq="asc") == (5, ids)
    assert listed(Limit=2, Offset=1) == (5, newest[1:3])
    assert listed(Limit=2, Offset=9) == (5, [])
    assert listed(JobId=ids[1]) == (1, [ids[1]])
    assert listed(JobId="dts-nothere1") == (0, [])
    assert listed(TagFilters=[{"TagKey": "team", "TagValue": ["other", "shop"]}]) == (5, newest)
    assert listed(TagFilters=[{"TagKey": "team", "TagValue": ["other"]}]) == (0, [])
    assert listed(SrcDatabaseType=["mariadb"]) == (0, [])
    assert listed(SrcRegion=REGION, DstDatabaseType=["mysql"], RunMode="immediate") == (5, newest)
    call("ModifyMigrateName", JobId=ids[0], JobName="nightly copy")
    assert listed(JobName="nightly") == (1, [ids[0]])
    call("ModifyMigrationJob", **configuration(ids[0]))
    assert listed(SrcAccessType=["extranet"]) == (1, [ids[0]])
    assert listed(DstAccessType=["cdb", "cvm"]) == (0, [])
    return ids


def lenient(job):
    """As published examples and Terraform send it: texts for numbers, "" and null for nothing."""
    params = configuration(job, IsMigrateAccount="false", IsDstReadOnly="0", MigrateType="", Consistency=None,
                           ExtraAttr=None, RateLimit={"DumpThread": "3", "LoadThread": 0, "DumpRps": -1})
    params["SrcInfo"]["Info"][0].update(Port="3306", EngineVersion="", CvmInstanceId="", AccountMode="")
    params["SrcInfo"].update(NodeType="", ExtraAttr=[], Supplier="")
    params["DateTimeISOFormat"] = "true"
    raw("ModifyMigrationJob", params)
    found = detail(job)
    source = found["SrcInfo"]["Info"][0]
    assert (source["Port"], source["Password"], source["EngineVersion"]) == (3306, "", "")
    rates = found["RateLimitOption"]
    assert (rates["CurrentDumpThread"], rates["DefaultDumpThread"], rates["HasUserSetRateLimit"]) == (3, 2, "yes")
    iso = raw("DescribeMigrationDetail", {"JobId": job, "DateTimeISOFormat": True})
    assert iso["CreateTime"].endswith("+08:00") and "T" in iso["CreateTime"], iso["CreateTime"]
    timed = {**configuration(job), "RunMode": "timed", "ExpectRunTime": "2030-01-02 03:04:05"}
    raw("ModifyMigrationJob", timed)
    assert detail(job)["ExpectRunTime"] == "2030-01-02 03:04:05"
    assert call("DescribeMigrationJobs", RunMode="timed")["TotalCount"] == 1


def check(job):
    call("ModifyMigrationJob", **configuration(job))
    unchecked = call("DescribeMigrationCheckJob", JobId=job)
    assert (unchecked["Status"], unchecked["CheckFlag"]) == ("notStarted", ""), unchecked
    call("CreateMigrateCheckJob", JobId=job)
    until(job, "checkNotPass")
    found = call("DescribeMigrationCheckJob", JobId=job)
    assert (found["Status"], found["CheckFlag"]) == ("failed", "checkNotPass"), found
    failed = [step for step in found["StepInfo"] if step["StepStatus"] == "failed"]
    assert failed or found["BriefMsg"], found
    for step in failed:
        for item in step["DetailCheckItems"]:
            assert item["CheckResult"] != "failed" or (item["ErrorLog"] and item["Solution"]), item
    fails("OperationDenied.OperationDeniedError", "StartMigrateJob", {"JobId": job})


def bin(job):
    info = detail(job)["TradeInfo"]
    assert (info["TradeStatus"], info["BillingType"], info["InstanceClass"]) == ("normal", "notBilling", "small"), info
    call("ModifyMigrateJobSpec", JobId=job, NewInstanceClass="micro")
    assert detail(job)["TradeInfo"]["InstanceClass"] == "micro"
    call("IsolateMigrateJob", JobId=job)
    found = detail(job)
    assert found["TradeInfo"]["TradeStatus"] == "isolated" and found["TradeInfo"]["IsolateReason"] == "user_isolate"
    assert set(found["Action"]["AllowedAction"]) == {"view", "offline", "recover"}
    call("RecoverMigrateJob", JobId=job)
    call("IsolateMigrateJob", JobId=job)
    call("DestroyMigrateJob", JobId=job)
    found = detail(job)
    assert found["TradeInfo"]["TradeStatus"] == "offlined", found["TradeInfo"]
    assert call("DescribeMigrationJobs", JobId=job)["TotalCount"] == 1
    assert job not in [one["JobId"] for one in call("DescribeMigrationJobs", Limit=100)["JobList"]]


every_signature()
jobs = lists()
lenient(jobs[0])
check(jobs[1])
bin(jobs[1])
print("all calls are as published")
