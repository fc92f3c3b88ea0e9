/** Plugins that do the worst: a start ends in time and as it should, and nothing else is touched. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BAD_PLUGINS, LIMIT_MS, programOf, scriptOf } from "../support/bad_plugins.ts";
import { statusOf } from "../support/expect.ts";
import { needs } from "../support/needs.ts";
import { GOOD, GOOD_DECLARED, trustPlugin } from "../support/plugins.ts";
import { processesWith } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const DECLARED = { name: "bad", hooks: { "pre-start": {} } };

const FORMS = [
  { form: "a file", name: "bad.ts", contentOf: scriptOf, skip: needs("linux") },
  { form: "a program", name: "bad.py", contentOf: programOf, skip: needs("linux", "python3") },
];

for (const { form, name, contentOf, skip } of FORMS) {
  for (const bad of BAD_PLUGINS) {
    test(`as ${form}, a plugin that ${bad.what} is ${bad.expects}`, { skip }, async () => {
      await using lab = await makeStateFolder();
      const limitMs = bad.limitMs ?? LIMIT_MS;
      const env = { KUGETSU_PLUGIN_TIMEOUT: `${limitMs / 1000}s` };
      const ownMs = await timeOfStart(lab, 1);
      await trustPlugin(lab.state, "good.ts", GOOD, GOOD_DECLARED);
      await trustPlugin(lab.state, name, contentOf(bad), DECLARED);
      const before = await storeOf(lab);

      const began = performance.now();
      const result = await lab.kugetsu(["start", refOf(2), "do it"], { env });
      const took = performance.now() - began;

      assert.equal(statusOf(result), bad.expects === "refused" ? 9 : 0, result.stderr);
      assert.match(result.stderr, bad.says);
      const named = result.stderr.split("\n").filter((line) => /plugin "bad"/.test(line));
      assert.equal(named.length, bad.expects === "fine" ? 0 : 1, result.stderr);
      assert(took < limitMs + 1000 + ownMs, `it took ${took} ms, alone ${ownMs} ms`);
      await until("no plugin is left", async () => (await pluginProcesses(lab)).length === 0, 5000);
      const ran = await readFile(join(lab.state, "plugins", ".data", "good", "ran"), "utf8");
      if (bad.expects === "refused") {
        assert.equal(ran, "pre-start\n");
        assert.deepEqual(await storeOf(lab), before);
      } else {
        assert.equal(ran, "pre-start\ndone\n");
        assert.equal((await lab.standIn.calls()).at(-1)!.input, "do it, please");
      }
    });
  }
}

test("one changed byte is refused until it is trusted again, and stops nothing", async () => {
  await using lab = await makeStateFolder();
  const path = await trustPlugin(lab.state, "good.ts", GOOD, GOOD_DECLARED);
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = 0x20;
  await lab.scratch.write(path.slice(lab.scratch.path.length + 1), bytes);
  const started = await lab.kugetsu(["start", refOf(1), "do it"]);
  assert.equal(started.code, 0, started.stderr);
  assert.match(started.stderr, /"good" is left out: it was changed.*kugetsu plugin trust good/);
  assert(!existsSync(join(lab.state, "plugins", ".data", "good", "ran")));
  const check = await lab.kugetsu(["plugin", "check", "good"]);
  assert.equal(check.code, 5);
  assert.match(check.stdout, /wrong .*changed after it was trusted/);
  assert.equal((await lab.kugetsu(["plugin", "trust", "good"])).code, 9);
  assert.equal((await lab.kugetsu(["plugin", "trust", "good", "-y"])).code, 0);
  assert.equal((await lab.kugetsu(["start", refOf(2), "do it"])).code, 0);
  assert(existsSync(join(lab.state, "plugins", ".data", "good", "ran")));
});

test("doctor names each plugin that is left out, with why and what helps, and no other", async () => {
  await using lab = await makeStateFolder();
  const add = (name: string, content: string) =>
    trustPlugin(lab.state, `${name}.ts`, content, { name });
  await trustPlugin(lab.state, "good.ts", GOOD, GOOD_DECLARED);
  await add("broken", "export default {");
  await add("other", 'export default { name: "other", apiVersion: 1, hooks: { outcome() {} } };');
  await writeFile(await add("changed", "export default {}"), "export default {};");
  await rm(await add("gone", "export default {}"));
  await writeFile(join(lab.state, "plugins", ".trusted", "half.json"), "{");
  const { code, stdout, stderr } = await lab.kugetsu(["doctor"]);
  assert.deepEqual([code, stderr], [5, ""], stdout);
  const said: [name: string, why: string, next: string][] = [
    ["half", "its entry is damaged", "remove"],
    ["broken", ".+", "check"],
    ["changed", "it was changed after it was trusted", "trust"],
    ["gone", "its file is gone", "update"],
    ["other", "it declares something else than what was trusted", "trust"],
  ];
  for (const [name, why, next] of said) {
    const text =
      `^bad {4}the plugin "${name}" is left out: ${why}\n +run: kugetsu plugin ${next} ${name}$`;
    assert.match(stdout, new RegExp(text, "m"));
  }
  assert.equal(stdout.match(/is left out/g)!.length, said.length, stdout);
  assert.deepEqual(await pluginProcesses(lab), []);
  const left = await readdir(join(lab.state, "plugins", ".scratch"));
  assert.deepEqual(left, []);
});

test(
  "Ctrl-C while a plugin loops ends kugetsu and the plugin",
  { skip: needs("linux") },
  async () => {
    await using lab = await makeStateFolder();
    const loops = BAD_PLUGINS.find((it) => it.what === "loops without end")!;
    await trustPlugin(lab.state, "bad.ts", scriptOf(loops), DECLARED);
    const running = lab.spawn(["start", refOf(1), "do it"]);
    await until("it runs", async () => (await pluginProcesses(lab)).length > 0);
    running.kill("SIGINT");
    assert.equal(statusOf(await running.ended), 130);
    await until("no plugin is left", async () => (await pluginProcesses(lab)).length === 0, 5000);
    assert.deepEqual(await readdir(join(lab.state, "sessions")), ["base.json"]);
  },
);

function refOf(number: number): string {
  return `github.com/shoko/kugetsu#${number}`;
}

async function timeOfStart(lab: StateFolder, number: number): Promise<number> {
  const began = performance.now();
  assert.equal((await lab.kugetsu(["start", refOf(number), "do it"])).code, 0);
  return performance.now() - began;
}

/** Every byte of the store. */
async function storeOf({ state }: StateFolder): Promise<Record<string, string>> {
  const files = [
    "index.json",
    ...(await readdir(join(state, "sessions"))).map((it) => `sessions/${it}`),
  ];
  const read = files.map(async (file) =>
    [file, await readFile(join(state, file), "utf8")] as const
  );
  return Object.fromEntries(await Promise.all(read));
}

/** What runs with a plugin's folder as its home. */
async function pluginProcesses({ state }: StateFolder): Promise<number[]> {
  const homes = ["bad", "good"].map((it) => `HOME=${join(state, "plugins", ".data", it)}`);
  return (await Promise.all(homes.map(processesWith))).flat();
}
