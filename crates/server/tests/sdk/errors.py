"""Every way in which a call is refused: its published code, and nothing changed."""
import copy
import time
from unittest import mock

from client import *

MISSING, UNKNOWN = "MissingParameter", "UnknownParameter"
BAD = "InvalidParameterValue.InvalidParameterValueError"
DENIED = "OperationDenied.OperationDeniedError"
UNSUPPORTED = "UnsupportedOperation.UnsupportedOperationError"
NOT_FOUND = "ResourceNotFound.ResourceNotFoundError"


def least(action, job="dts-nothere1"):
    """The fewest parameters that the action takes."""
    params = {
        "CreateMigrationService": dict(SrcDatabaseType="mysql", DstDatabaseType="mysql", SrcRegion=REGION,
                                       DstRegion=REGION, InstanceClass="small"),
        "DescribeMigrateDBInstances": dict(DatabaseType="mysql"),
        "DescribeMigrationJobs": {},
        "ModifyMigrateJobSpec": dict(JobId=job, NewInstanceClass="micro"),
        "ModifyMigrateName": dict(JobId=job, JobName="n"),
        "ModifyMigrateRateLimit": dict(JobId=job, DumpThread=1),
        "ModifyMigrateRuntimeAttribute": dict(JobId=job, OtherOptions=[]),
        "ModifyMigrationJob": configuration(job),
        "SkipCheckItem": dict(JobId=job, StepIds=["VersionCheck"]),
    }
    found = params.get(action, dict(JobId=job))
    needed = [field["name"] for field in ACTIONS[action]["input"] if field.get("required")]
    more = {"CompareTaskId": job + "-cmp-nothere1", "TaskName": "n"}
    return {**{name: value for name, value in more.items() if name in needed}, **found}


def who_asks():
    wrong = credential.Credential(who().secret_id, "wrong")
    fails("AuthFailure.SignatureFailure", "DescribeMigrationJobs", {}, untyped(by=wrong))
    nobody = credential.Credential("AKIDnobody", "wrong")
    fails("AuthFailure.SecretIdNotFound", "DescribeMigrationJobs", {}, untyped(by=nobody))
    for method in ("HmacSHA1", "HmacSHA256"):
        fails("AuthFailure.SignatureFailure", "DescribeMigrationJobs", {}, untyped(by=wrong, signMethod=method))
    many = dict(JobId="dts-nothere1", StepIds=[f"Step{n}" for n in range(12)])
    for more in ({"signMethod": "HmacSHA1"}, {"signMethod": "HmacSHA256", "reqMethod": "GET"}, {"reqMethod": "GET"}):
        request = models.SkipCheckItemRequest()
        request.from_json_string(json.dumps(many))
        try:
            typed(**more).SkipCheckItem(request)
            raise AssertionError("an unknown job was found")
        except TencentCloudSDKException as error:
            assert error.get_code() == NOT_FOUND, f"{more}: {error}"
    now = time.time()
    for shift in (-400, 400):
        with mock.patch("time.time", lambda: now + shift):
            fails("AuthFailure.SignatureExpire", "DescribeMigrationJobs", {})
    unsigned = typed()
    unsigned.profile.unsignedPayload = False
    try:
        unsigned.call("DescribeMigrationJobs", {}, options={"SkipSign": True})
        raise AssertionError("an unsigned call was answered")
    except TencentCloudSDKException:
        pass


def what_is_asked():
    fails("InvalidAction", "MakeTea", {})
    fails("NoSuchVersion", "DescribeMigrateJobs", {}, untyped(version="2018-03-30"))
    for action in ("CreateSyncJob", "CreateSyncCompareTask", "CreateSubscribe"):
        fails(UNSUPPORTED, action, {})
    for action, shape in ACTIONS.items():
        fails(UNKNOWN, action, {**least(action), "Colour": 1})
        needed = [field["name"] for field in shape["input"] if field.get("required")]
        if action == "DestroyMigrateJob":
            needed.append("JobId")
        for name in needed:
            for absent in ({}, {name: None}, {name: ""}):
                params = {key: value for key, value in least(action).items() if key != name}
                fails(MISSING, action, {**params, **absent})
        if "JobId" in least(action):
            fails(NOT_FOUND, action, least(action))
    nested = configuration("dts-nothere1")
    nested["SrcInfo"]["Info"][0]["Colour"] = "red"
    message = fails(UNKNOWN, "ModifyMigrationJob", nested)
    assert "SrcInfo.Info.0.Colour" in message, message


def values():
    def bad(action, code=BAD, **more):
        fails(code, action, {**least(action, job), **more})
    job = create()[0]
    before = detail(job)
    bad("CreateMigrationService", InstanceClass="huge")
    bad("CreateMigrationService", InstanceClass="micro")
    bad("CreateMigrationService", Count=16)
    bad("CreateMigrationService", Count="many")
    bad("CreateMigrationService", JobName="x" * 129)
    bad("CreateMigrationService", SrcDatabaseType="paper")
    bad("CreateMigrationService", code=UNSUPPORTED, SrcDatabaseType="redis")
    bad("CreateMigrationService", code=UNSUPPORTED, DstDatabaseType="tdsqlmysql")
    bad("DescribeMigrationJobs", Limit=101)
    bad("DescribeMigrationJobs", Status=["walking"])
    bad("DescribeMigrationJobs", OrderSeq="up")
    bad("DescribeMigrateDBInstances", Limit=-1)
    bad("ModifyMigrateName", JobName="x" * 129)
    bad("ModifyMigrateJobSpec", NewInstanceClass="huge")
    for name, high in (("DumpThread", 17), ("LoadThread", 17), ("SinkerThread", 129),
                       ("DumpRps", 50000001), ("LoadRps", 50000001)):
        for value in (high, -2, "some"):
            bad("ModifyMigrateRateLimit", **{name: value})
    bad("ModifyMigrateRuntimeAttribute", code="InvalidParameter.InvalidParameterError",
        OtherOptions=[{"Key": "DstWriteMode", "Value": "normal"}])
    bad("SkipCheckItem", ForeignKeyFlag="perhaps")
    bad("CompleteMigrateJob", CompleteMode="someday")
    bad("CompleteMigrateJob", code=UNSUPPORTED, CompleteMode="immediately")
    bad("ResumeMigrateJob", ResumeOption="perhaps")
    bad("ResumeMigrateJob", code=UNSUPPORTED, ResumeOption="clearData")
    configurations(job)
    assert detail(job) == {**before, "RequestId": mock.ANY}, "a refused call changed the job"


def configurations(job):
    def refused(code, *path, **more):
        params = copy.deepcopy({**configuration(job), **more})
        place = params
        for step in path[:-2]:
            place = place[step]
        if path:
            place[path[-2]] = path[-1]
        fails(code, "ModifyMigrationJob", params)
    info = ("SrcInfo", "Info", 0)
    refused(BAD, RunMode="someday")
    refused(MISSING, RunMode="timed")
    refused(BAD, RunMode="timed", ExpectRunTime="tomorrow")
    refused(BAD, AutoRetryTimeRangeMinutes=4)
    refused(BAD, AutoRetryTimeRangeMinutes=721)
    refused(BAD, "SrcInfo", "AccessType", "pigeon")
    refused(BAD, "SrcInfo", "DatabaseType", "mariadb")
    refused(BAD, "SrcInfo", "DatabaseType", "paper")
    refused(BAD, "SrcInfo", "Region", "ap-elsewhere")
    refused(UNSUPPORTED, "SrcInfo", "NodeType", "cluster")
    refused(UNSUPPORTED, "SrcInfo", "ExtraAttr", [{"Key": "connectMode", "Value": "srv"}])
    refused(MISSING, "SrcInfo", "Info", [])
    refused(UNSUPPORTED, "SrcInfo", "Info", [{"Host": "h", "Port": 1, "User": "u"}] * 2)
    refused(BAD, *info, "Port", 70000)
    refused(BAD, *info, "Port", -1)
    refused(MISSING, *info, "Port", 0)
    refused(MISSING, *info, "Host", "")
    refused(BAD, *info, "Host", "a b")
    refused(MISSING, *info, "User", "")
    refused(UNSUPPORTED, *info, "AccountMode", "other")
    refused(UNSUPPORTED, *info, "TmpToken", "geheim")
    refused(MISSING, "SrcInfo", "AccessType", "cdb")
    refused(BAD, "MigrateOption", "IsOverrideRoot", "true")  # without IsMigrateAccount
    for option, value in (("IsDstReadOnly", 1),
                          ("MigrateWay", "physical"), ("ExtraAttr", [{"Key": "k", "Value": "v"}]),
                          ("SkipDdlOnError", {"Tables": ["a.b"]})):
        refused(UNSUPPORTED, "MigrateOption", option, value)
    refused(BAD, "MigrateOption", "MigrateType", "some")
    refused(BAD, "MigrateOption", "RateLimit", {"DumpThread": 17})
    refused(MISSING, "MigrateOption", "DatabaseTable", {"ObjectMode": "partial"})
    refused(BAD, "MigrateOption", "DatabaseTable", {"ObjectMode": "all", "AdvancedObjects": ["index"]})


def states():
    """What a job that was just created does not allow."""
    job = create()[0]
    before = detail(job)
    for action in ("CreateMigrateCheckJob", "StartMigrateJob", "PauseMigrateJob", "ContinueMigrateJob",
                   "CompleteMigrateJob", "StopMigrateJob", "ResumeMigrateJob", "SkipCheckItem",
                   "RecoverMigrateJob", "DestroyMigrateJob", "ModifyMigrateRateLimit"):
        fails(DENIED, action, least(action, job))
    assert detail(job) == {**before, "RequestId": mock.ANY}
    call("IsolateMigrateJob", JobId=job)
    before = detail(job)
    for action in ACTIONS:
        shape = ACTIONS[action]
        if shape["mode"] == "write" and shape["group"] == "migration" and action not in (
                "CreateMigrationService", "RecoverMigrateJob", "DestroyMigrateJob"):
            fails(DENIED, action, least(action, job))
    assert detail(job) == {**before, "RequestId": mock.ANY}


who_asks()
what_is_asked()
values()
states()
if os.environ.get("TIDEGATE_REFUSED"):
    # Clocks that go wrong are this script's own; all else can be asked again.
    again = [one for one in REFUSED if one["code"] != "AuthFailure.SignatureExpire"]
    # What the job's state refused then and allows now.
    again = [one for one in again
             if one["code"] != DENIED or one["action"] not in ("RecoverMigrateJob", "DestroyMigrateJob")]
    json.dump(again, open(os.environ["TIDEGATE_REFUSED"], "w"))
    # One of each code, for clients that take a second a call and know only published actions.
    first = {}
    for one in again:
        if one["action"] in ACTIONS and one["code"] not in ("InvalidAction", "UnknownParameter"):
            first.setdefault((one["code"], ACTIONS[one["action"]]["mode"]), one)
            first.setdefault(one["action"], one)
    lines = {id(one): one for one in first.values()}
    with open(os.environ["TIDEGATE_REFUSED"] + ".lines", "w") as file:
        for one in lines.values():
            file.write("\t".join([one["code"], one["action"], json.dumps(one["params"])]) + "\n")
print("all refusals are as published")
