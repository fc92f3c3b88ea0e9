import { test } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { ROOT } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { makeScratch } from "../support/scratch.ts";

test("without denort the other engine ends with 5, and with 0 where it may be left out", async () => {
  await using scratch = await makeScratch("compile");
  const env = { ...process.env, DENORT_BIN: "/nowhere/denort" };
  const compile = (...args: string[]) =>
    run(process.execPath, ["run", "-A", "scripts/compile.ts", ...args], { cwd: ROOT, env });
  const other = ["--engine", "deno", "--outfile", scratch.join("kugetsu")];
  const refused = await compile(...other);
  assert.match(refused.stderr, /^compile: deno compile needs its base binary denort/m);
  assert.equal(refused.code, 5);
  const leftOut = await compile(...other, "--if-possible");
  assert.match(leftOut.stderr, /^compile: not done here: deno compile needs its base binary/m);
  assert.equal(leftOut.code, 0);
  assert.equal((await compile("--engine", "none", "--if-possible")).code, 2);
});
