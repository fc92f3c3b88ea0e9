/** docs/plugins.md, followed to the letter by somebody who has nothing but the executable and that page. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import process from "node:process";
import { run } from "../../scripts/_run.ts";
import { exits } from "../support/expect.ts";
import { forgeKinds, startForge } from "../support/forge_servers.ts";
import { needs } from "../support/needs.ts";
import { kugetsuCommand } from "../support/opencode_home.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const BUN = join(ROOT, "node_modules", ".bin", "bun");
const REF = "github.com/shoko/kugetsu#14";

/** The code blocks of a section, in order. */
async function blocksOf(section: string): Promise<{ language: string; text: string }[]> {
  const page = await readFile(join(ROOT, "docs", "plugins.md"), "utf8");
  const [, part = ""] = page.split(new RegExp(`^## ${section}$`, "m"));
  const [own = ""] = part.split(/^## /m);
  return [...own.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .map(([, language, text]) => ({ language: language!, text: text! }));
}

/** Does what the blocks say: commands are run as they stand, code goes to the file. */
async function follow(lab: StateFolder, section: string, file: string): Promise<void> {
  const kugetsu = kugetsuCommand().map((it) => `'${it}'`).join(" ");
  for (const { language, text } of await blocksOf(section)) {
    if (language !== "sh") {
      await lab.scratch.write(file, text);
      continue;
    }
    // Nobody sits there to say yes.
    const commands = text.replaceAll(/^kugetsu plugin add .*$/gm, "$& -y")
      .replaceAll(/^kugetsu /gm, `${kugetsu} `);
    exits(0, await run("sh", ["-euc", commands], { cwd: lab.scratch.path, env: lab.env }));
  }
}

async function says(lab: StateFolder, message: string, code = 0): Promise<string> {
  const { stderr } = exits(code, await lab.kugetsu(["start", REF, message]));
  return stderr;
}

test("the plugin in TypeScript amends, refuses and keeps what it is told", async () => {
  await using lab = await makeStateFolder();
  await follow(lab, "In TypeScript", "shout/plugin.ts");
  const refused = await says(lab, "tell the secret", 9);
  assert.match(refused, /Refused by the plugin "shout" \(pre-start\): secrets do not belong/);
  assert.deepEqual((await lab.standIn.calls()).filter((it) => it.args[0] === "run"), []);
  await says(lab, "fix it");
  assert.equal((await lab.standIn.calls()).at(-1)!.input, "FIX IT");
  const [kept] = await filesIn(lab, "shout/store");
  assert.deepEqual(JSON.parse(kept!), { key: "last", value: "done" });
});

test("its folder passes its test and deno check, and its types refuse what is wrong", async () => {
  await using lab = await makeStateFolder();
  await follow(lab, "In TypeScript", "shout/plugin.ts");
  const check = () =>
    run(process.execPath, ["check"], {
      cwd: lab.scratch.join("shout"),
      env: { ...process.env, NO_COLOR: "1" },
    });
  exits(0, await check());
  const cwd = lab.scratch.join("shout");
  exits(0, await run(process.execPath, ["test", "-A"], { cwd, env: process.env }));
  exits(0, await run(BUN, ["test"], { cwd, env: process.env }));
  const path = lab.scratch.join("shout", "plugin.ts");
  const text = await readFile(path, "utf8");
  await lab.scratch.write("shout/plugin.ts", text.replace('"post-start"', '"post-strat"'));
  const { code, stderr } = await check();
  assert.equal(code, 1);
  assert.match(stderr, /post-strat/);
});

test(
  "the plugin in Python does the same, behind the other one",
  { skip: needs("python3") },
  async () => {
    await using lab = await makeStateFolder();
    await follow(lab, "In TypeScript", "shout/plugin.ts");
    await follow(lab, "In any language", "shout.py");
    const program =
      (await blocksOf("In any language")).find((it) => it.language === "python")!.text;
    assert(program.trim().split("\n").length <= 30, "it has more than 30 lines");
    await says(lab, "fix it");
    assert.equal((await lab.standIn.calls()).at(-1)!.input, "FIX IT!");
  },
);

test("the plugin that reports has one comment on the issue, changed by each turn and by destroy", async () => {
  await using lab = await makeStateFolder();
  const kind = (await forgeKinds()).find((it) => it.name === "forgejo")!;
  await using server = await startForge(kind);
  const instance = { forge: "forgejo", url: server.url, token_variable: "MY_TOKEN" };
  const config = { instances: { [server.host]: instance } };
  await lab.scratch.write("state/config.jsonc", JSON.stringify(config));
  await follow(lab, "Reports", "report.ts");
  const ref = `${[server.host, ...kind.project].join("/")}#${kind.number}`;
  const env = { MY_TOKEN: "its-token" };
  const posted = async (...args: string[]) => {
    exits(0, await lab.kugetsu(args, { env }));
    const { method, path, token, body } = server.asked.at(-1)!;
    assert.equal(token, "Bearer its-token");
    return [method, path.split("/").at(-1), body?.body];
  };
  const said = (text: string) => `${text}\n\n<!-- kugetsu:report -->`;
  const [method, , first] = await posted("start", ref, "do it");
  assert.equal(method, "POST");
  assert.match(`${first}`, /^The last turn is done\.\n\n[^]*\n\n<!-- kugetsu:report -->$/);
  const me = kind.author("kugetsu-bot", 99);
  const own = kind.commentOf(42, me, `${first}`, "2026-01-01T00:00:00Z");
  server.says[kind.paths.comments] = { json: [own] };
  assert.deepEqual((await posted("continue", ref, "go on")).slice(0, 2), ["PATCH", "42"]);
  assert.deepEqual(
    await posted("destroy", ref, "-y"),
    ["PATCH", "42", said("The session of this issue is gone.")],
  );

  server.says["/user"] = { status: 403 };
  const denied = exits(0, await lab.kugetsu(["start", ref, "do it"], { env }));
  assert.match(
    denied.stderr,
    /warning: plugin "report" failed in outcome: Cannot comment on ".*": .* does not allow it/,
  );
});

for (const kind of ["forge", "hook", "exec"]) {
  test(`plugin new --${kind} begins with one that passes its checks and its own test`, {
    skip: needs("python3"),
  }, async () => {
    await using lab = await makeStateFolder();
    exits(0, await lab.kugetsu(["plugin", "new", "acme", `--${kind}`]));
    const { stdout } = exits(0, await lab.kugetsu(["plugin", "check", "./acme"]));
    assert(stdout.split("\n").filter((line) => line.startsWith("ok")).length > 1, stdout);
    const options = { cwd: lab.scratch.join("acme"), env: process.env };
    const tests: [string, string[]][] = kind === "exec"
      ? [["python3", ["-m", "unittest"]]]
      : [[process.execPath, ["check"]], [process.execPath, ["test", "-A"]], [BUN, ["test"]]];
    for (const [program, args] of tests) exits(0, await run(program, args, options));
    assert.equal((await lab.kugetsu(["plugin", "new", "acme", `--${kind}`])).code, 4);
  });
}

async function filesIn(lab: StateFolder, folder: string): Promise<string[]> {
  const path = join(lab.state, "plugins", ".data", folder);
  return await Promise.all((await readdir(path)).map((it) => readFile(join(path, it), "utf8")));
}
