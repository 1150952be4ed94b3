// The Node SDK: it signs the host without its port, and another service in the scope.
const assert = require("node:assert");
const { CommonClient } = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/common_client");

const [protocol, address] = process.env.TIDEGATE_URL.split("://");
const client = (secretKey, more = {}) =>
  new CommonClient(address, "2021-12-06", {
    credential: { secretId: process.env.TIDEGATE_SECRET_ID, secretKey },
    region: "ap-guangzhou",
    profile: { httpProfile: { protocol: protocol + "://", reqTimeout: 20 }, ...more },
  });
const own = client(process.env.TIDEGATE_SECRET_KEY);

async function fails(code, by, action, params) {
  try {
    await by.request(action, params);
  } catch (error) {
    assert.strictEqual(error.code, code, `${action}: ${error}`);
    assert.ok(error.requestId, `${action}: no RequestId`);
    return;
  }
  assert.fail(`${action} was answered instead of ${code}`);
}

async function main() {
  const create = {
    SrcDatabaseType: "mysql", DstDatabaseType: "mysql", SrcRegion: "ap-guangzhou", DstRegion: "ap-guangzhou",
    InstanceClass: "small", JobName: "von Node ✓", Tags: [{ TagKey: "k", TagValue: "v" }],
  };
  const { JobIds } = await own.request("CreateMigrationService", create);
  const JobId = JobIds[0];
  const side = (Port) => ({
    Region: "ap-guangzhou", AccessType: "extranet", DatabaseType: "mysql", NodeType: "simple",
    Info: [{ Host: "127.0.0.1", Port, User: "root", Password: "geheim" }],
  });
  await own.request("ModifyMigrationJob", {
    JobId, RunMode: "immediate", SrcInfo: side(1), DstInfo: side(2),
    MigrateOption: { DatabaseTable: { ObjectMode: "all" } },
  });
  const detail = await own.request("DescribeMigrationDetail", { JobId });
  assert.strictEqual(detail.Status, "created");
  assert.strictEqual(detail.JobName, create.JobName);
  assert.strictEqual(detail.SrcInfo.Info[0].Password, "");
  assert.ok(!JSON.stringify(detail).includes("geheim"));
  const list = await own.request("DescribeMigrationJobs", { Limit: 1 });
  assert.strictEqual(list.JobList[0].JobId, JobId);
  for (const signMethod of ["HmacSHA1", "HmacSHA256"]) {
    const old = client(process.env.TIDEGATE_SECRET_KEY, { signMethod });
    assert.strictEqual((await old.request("DescribeMigrationJobs", { Limit: 1 })).JobList[0].JobId, JobId);
  }
  await fails("ResourceNotFound.ResourceNotFoundError", own, "StartMigrateJob", { JobId: "dts-nothere1" });
  await fails("OperationDenied.OperationDeniedError", own, "StartMigrateJob", { JobId });
  await fails("MissingParameter", own, "StartMigrateJob", {});
  await fails("InvalidAction", own, "MakeTea", {});
  await fails("AuthFailure.SignatureFailure", client("wrong"), "DescribeMigrationJobs", {});
  await own.request("IsolateMigrateJob", { JobId });
  console.log("node: all calls are as published");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
