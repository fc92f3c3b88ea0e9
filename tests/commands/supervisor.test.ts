import { test } from "node:test";
import assert from "node:assert/strict";
import type { Context } from "../../src/commands/context.ts";
import { supervisorStatus } from "../../src/commands/supervisor.ts";

test("the state of a supervisor that does not tell who is attached can be told", async () => {
  const status = { ...{ pid: 1, version: "0.0.9", started_at: "now", max_parallel: 2 }, turns: [] };
  const said: string[] = [];
  const context = {
    supervisor: () => Promise.resolve({ status: () => Promise.resolve(status) }),
    output: { result: (_: unknown, text: string) => said.push(text) },
  } as unknown as Context;
  assert.equal(await supervisorStatus(context), 0);
  assert.match(said[0]!, /^kugetsu 0\.0\.9 has run as pid 1/);
});
