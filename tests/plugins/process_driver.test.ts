import { test } from "node:test";
import assert from "node:assert/strict";
import { PluginProcess, type ProcessOptions } from "../../src/plugins/process_driver.ts";
import { PluginFailure } from "../../src/plugins/protocol.ts";
import { CANARY } from "../support/members.ts";
import { needs } from "../support/needs.ts";
import { makeScratch } from "../support/scratch.ts";
import { until } from "../support/until.ts";

const HELLO = `echo '{"type":"hello","apiVersion":1,"name":"one"}'`;
const RESULT = `echo '{"type":"result","id":1,"value":1}'`;

/** A plugin that is a shell script: it says hello, and then whatever the script makes of a call. */
async function pluginThat(script: string, more: Partial<ProcessOptions> = {}) {
  const scratch = await makeScratch("plugin");
  const logged: string[] = [];
  const driver = new PluginProcess({
    command: ["/bin/sh", "-c", `read hello; ${HELLO}; while read call; do ${script}; done`],
    endsAtOnce: false,
    folder: scratch.path,
    env: { PATH: process.env.PATH!, DECLARED_TOKEN: CANARY },
    secrets: [["DECLARED_TOKEN", CANARY]],
    limitMs: 10_000,
    log: (_, text) => logged.push(text),
    ...more,
  });
  return {
    logged,
    driver,
    ask: () => driver.ask({ method: "url", params: {}, limitMs: 10_000 }),
    async [Symbol.asyncDispose]() {
      await driver.close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

const failsWith = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PluginFailure, String(error));
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /canary|4712/);
  return true;
};

test("what it was trusted for is looked at each time that it is started, before anything of it runs", async () => {
  const asked: string[] = [];
  const changes: string[] = [];
  const trusted = {
    demandUnchanged() {
      asked.push("bytes");
      for (const change of changes) throw new PluginFailure(change);
    },
    demandDeclared: () => void asked.push("declaration"),
  };
  await using plugin = await pluginThat(`echo ran >&2; ${RESULT}`, { trusted });
  assert.equal(await plugin.ask(), 1);
  await plugin.driver.close(); // as when it was idle for long
  changes.push("it was changed after it was trusted");
  await assert.rejects(plugin.ask(), failsWith(/changed after it was trusted/));
  assert.deepEqual(asked, ["bytes", "declaration", "bytes"]);
  assert.deepEqual(plugin.logged, ["ran"]);
});

test("one that declares something else than it was trusted for is ended", async () => {
  const demandDeclared = () => {
    throw new PluginFailure("it declares something else");
  };
  const trusted = { demandUnchanged() {}, demandDeclared };
  await using plugin = await pluginThat(RESULT, { trusted });
  await assert.rejects(plugin.ask(), failsWith(/something else/));
});

test("the values of its variables stand in nothing that it says for people", async () => {
  const log = `echo '{"type":"log","text":"it is '$DECLARED_TOKEN'"}'`;
  const error = `echo '{"type":"result","id":1,"error":{"message":"not '$DECLARED_TOKEN'"}}'`;
  await using fails = await pluginThat(`echo "uses $DECLARED_TOKEN" >&2; ${log}; ${error}`);
  await assert.rejects(fails.ask(), failsWith(/not \[DECLARED_TOKEN\]/));
  await until("both lines are there", () => fails.logged.length === 2);
  assert.deepEqual(fails.logged.sort(), ["it is [DECLARED_TOKEN]", "uses [DECLARED_TOKEN]"]);
  await using ends = await pluginThat('echo "error: $DECLARED_TOKEN" >&2; exit 3');
  await assert.rejects(ends.ask(), failsWith(/exit code 3: error: \[DECLARED_TOKEN\]/));
  // What is shown of a line is cut, and a part of a secret tells much of it.
  const padding = "x".repeat(72);
  await using prints = await pluginThat(`echo "${padding}$DECLARED_TOKEN"`);
  await assert.rejects(prints.ask(), failsWith(/which is not JSON/));
});

test("the memory of what it started is its own", { skip: needs("linux") }, async () => {
  const eats = `(head -c 300m /dev/zero; sleep 60) | tail -c 400m >/dev/null`;
  await using plugin = await pluginThat(`${eats} & ${eats} & wait`);
  await assert.rejects(plugin.ask(), failsWith(/more than 512 MB/));
});
