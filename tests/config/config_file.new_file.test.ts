import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parse } from "jsonc-parser";
import { configFile } from "../../src/config/config_file.ts";
import { SCHEMA_ADDRESS } from "../../src/config/mod.ts";
import { makeScratch } from "../support/scratch.ts";

test("a new file says where its schema is, and everything else about it survives changes", async () => {
  await using scratch = await makeScratch();
  const path = scratch.join("state", "config.jsonc");
  const open = () => configFile(path, {}, assert.fail);
  open().set("permissions", "allow");
  assert.equal(
    await readFile(path, "utf8"),
    `// Settings of kugetsu: "kugetsu config list" shows them all.
{
  "$schema": "${SCHEMA_ADDRESS}",
  "permissions": "allow"
}
`,
  );
  open().set("limits.total", "2h");
  open().set("limits.silence", "5m");
  assert.deepEqual(parse(await readFile(path, "utf8")), {
    $schema: SCHEMA_ADDRESS,
    permissions: "allow",
    limits: { total: "2h", silence: "5m" },
  });
  assert.deepEqual(
    open().list().filter((it) => it.origin === "file").map((it) => [it.setting.name, it.value]),
    [["permissions", "allow"], ["limits.silence", "5m"], ["limits.total", "2h"]],
  );
  for (const name of ["permissions", "limits.total", "limits.silence"]) open().set(name, undefined);
  const text = await readFile(path, "utf8");
  assert.match(text, /^\/\/ Settings of kugetsu/);
  assert.deepEqual(open().settings({}).permissions, "deny");
  assert.equal(parse(text).$schema, SCHEMA_ADDRESS);
});
