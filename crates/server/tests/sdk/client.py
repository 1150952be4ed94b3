"""What the scripts share: a client of the public SDK, and checks."""
import json
import os
import time

from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.dts.v20211206 import dts_client, models

REGION = "ap-guangzhou"


def patient(ask, *args):
    """Asks again when it was too often, as clients do."""
    end = time.monotonic() + 10
    while True:
        try:
            return ask(*args)
        except TencentCloudSDKException as error:
            if error.get_code() != "RequestLimitExceeded" or time.monotonic() > end:
                raise
            time.sleep(0.1)


# Database types of source and target.
SOURCE, TARGET = os.environ.get("TIDEGATE_TYPES", "mysql mysql").split()
CONTRACT = json.load(open(os.environ["TIDEGATE_CONTRACT"]))
ACTIONS = {name: shape for name, shape in CONTRACT["actions"].items() if shape["group"] == "migration" or
           shape["group"] == "compare" and "Sync" not in name}


def profile(**more):
    scheme, address = os.environ["TIDEGATE_URL"].split("://")
    sign = more.pop("signMethod", None)
    http = HttpProfile(protocol=scheme, endpoint=address, reqTimeout=20,
                       certification=os.environ.get("TIDEGATE_CA") or None, **more)
    return ClientProfile(httpProfile=http, **({"signMethod": sign} if sign else {}))


def who():
    return credential.Credential(os.environ["TIDEGATE_SECRET_ID"], os.environ["TIDEGATE_SECRET_KEY"])


def typed(**more):
    """The client of this very product and version, with its models."""
    return dts_client.DtsClient(who(), REGION, profile(**more))


def untyped(version="2021-12-06", by=None, **more):
    return CommonClient("dts", version, by or who(), REGION, profile(**more))


def call(action, client=None, **params):
    """By the typed client where the action is of its version."""
    client = client or typed()
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps(params))
    answer = json.loads(patient(getattr(client, action), request).to_json_string())
    check_types(action, answer)
    assert "geheim" not in json.dumps(answer), f"{action} shows a password"
    return answer


def raw(action, params, client=None):
    answer = patient((client or untyped()).call_json, action, params)["Response"]
    assert "geheim" not in json.dumps(answer), f"{action} shows a password"
    return answer


# What was refused to the plain client, for other SDKs to ask again.
REFUSED = []


def fails(code, action, params, client=None):
    if client is None:
        REFUSED.append({"code": code, "action": action, "params": params})
    try:
        answer = patient((client or untyped()).call_json, action, params)
    except TencentCloudSDKException as error:
        assert error.get_code() == code, f"{action} {params}: {error} instead of {code}"
        assert error.get_request_id(), f"{action}: no RequestId"
        assert "geheim" not in str(error), f"{action}: a password in the message"
        return error.get_message()
    raise AssertionError(f"{action} {params} answered {answer} instead of {code}")


def check_types(action, answer):
    """Strictly: what a client of a typed language takes, and nothing else."""
    def one(kind, value, path):
        if kind.startswith("list<"):
            assert isinstance(value, list), f"{path} is {value!r}"
            for item in value:
                one(kind[5:-1], item, path)
        elif kind == "float":
            assert isinstance(value, (int, float)), f"{path} is {value!r}"
        elif kind in ("string", "int64", "uint64", "bool"):
            wanted = {"string": str, "bool": bool}.get(kind, int)
            assert type(value) is wanted, f"{path} is {value!r}, not {kind}"
            assert kind != "uint64" or value >= 0, f"{path} is {value!r}"
        else:
            members(CONTRACT["types"][kind], value, path)

    def members(fields, value, path):
        for field in fields:
            one(field["type"], value[field["name"]], f"{path}.{field['name']}")
    members(ACTIONS[action]["output"], answer, action)


def create(**more):
    params = dict(SrcDatabaseType=SOURCE, DstDatabaseType=TARGET, SrcRegion=REGION, DstRegion=REGION,
                  InstanceClass="small")
    return call("CreateMigrationService", **{**params, **more})["JobIds"]


def side(port, user="root", password="geheim", **more):
    info = {"Host": "127.0.0.1", "Port": port, "User": user, "Password": password}
    return {"Region": REGION, "AccessType": "extranet", "DatabaseType": "mysql", "NodeType": "simple",
            "Info": [info], **more}


def configuration(job, source=None, target=None, objects=None, **option):
    objects = objects or {"ObjectMode": "all"}
    return dict(JobId=job, RunMode="immediate", SrcInfo=source or side(1), DstInfo=target or side(2),
                MigrateOption={"DatabaseTable": objects, **option})


def detail(job):
    return call("DescribeMigrationDetail", JobId=job)


def until(job, *wanted, seconds=60, seen=None):
    """Waits for a state; `seen` collects all that were seen on the way."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = detail(job)
        if seen is not None and (not seen or seen[-1] != found["Status"]):
            seen.append(found["Status"])
        if found["Status"] in wanted:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{job} is {found['Status']} ({found['BriefMsg']}), not {wanted}")
