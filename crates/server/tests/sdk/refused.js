// Every refusal that the Python script met, asked again by the Node SDK of the same server.
const assert = require("node:assert");
const fs = require("node:fs");
const { CommonClient } = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/common_client");

const [protocol, address] = process.env.TIDEGATE_URL.split("://");
const client = (version) =>
  new CommonClient(address, version, {
    credential: { secretId: process.env.TIDEGATE_SECRET_ID, secretKey: process.env.TIDEGATE_SECRET_KEY },
    region: "ap-guangzhou",
    profile: { httpProfile: { protocol: protocol + "://", reqTimeout: 20 } },
  });

async function main() {
  const refused = JSON.parse(fs.readFileSync(process.env.TIDEGATE_REFUSED));
  assert.ok(refused.length > 150, `${refused.length} refusals`);
  const own = client("2021-12-06");
  for (const { code, action, params } of refused) {
    const answer = await own.request(action, params).catch((error) => error);
    assert.strictEqual(answer.code, code, `${action} ${JSON.stringify(params)}: ${JSON.stringify(answer)}`);
    assert.ok(answer.requestId, `${action}: no RequestId`);
  }
  const other = await client("2018-03-30").request("DescribeMigrateJobs", {}).catch((error) => error);
  assert.strictEqual(other.code, "NoSuchVersion");
  console.log(`node: ${refused.length} refusals as published`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
