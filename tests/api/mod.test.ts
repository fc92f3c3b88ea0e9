/** The examples in the documentation of the types: each is checked by Deno, loaded by the host, and does as it says. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { checkPlugin } from "../../src/plugins/check.ts";
import { createPlugin } from "../../src/plugins/create.ts";
import { launch } from "../../src/plugins/launch.ts";
import { kugetsuSource } from "../support/engines.ts";
import { makeScratch } from "../support/scratch.ts";

const source = await readFile(join(ROOT, "src", "api", "mod.ts"), "utf8");
const examples = [...source.matchAll(/^ \* ```ts\n([^]*?)^ \* ```/gm)]
  .map(([, block]) => block!.replaceAll(/^ \* ?/gm, ""));

test("there is an example of a hook, of a forge, of what every hook gets, and of a report", () => {
  assert.equal(examples.length, 4);
});

for (const [index, example] of examples.entries()) {
  test(`example ${index + 1} compiles and does what it says of itself`, async () => {
    await using scratch = await makeScratch("api");
    const folder = scratch.join("plugin");
    await createPlugin("example", "hook", folder);
    const file = await scratch.write("plugin/plugin.ts", example);
    const { code, stderr } = await run(process.execPath, ["check", file], { cwd: folder });
    assert.equal(code, 0, stderr);
    const open = () =>
      launch(folder, scratch.join("data"), [], {
        hostCommand: kugetsuSource("__plugin"),
        env: process.env,
        limitMs: 20_000,
        log() {},
      });
    const checked = await checkPlugin(open, 20_000);
    assert(checked.length > 1);
    for (const { what, problem } of checked) assert.equal(problem, undefined, what);
  });
}

test("it holds types alone, so that plugins need nothing of kugetsu's when they run", () => {
  assert(!/^(?:import|export (?!interface|type))/m.test(source));
});
