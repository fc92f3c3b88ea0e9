/** `kugetsu plugin` and the hooks around a session's life, on the compiled executable. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { makeSmallDisk } from "../support/disk.ts";
import { run } from "../../scripts/_run.ts";
import { exits } from "../support/expect.ts";
import { closed, listening } from "../support/forge_servers.ts";
import { needs } from "../support/needs.ts";
import { trustPlugin } from "../support/plugins.ts";
import { makeScratch } from "../support/scratch.ts";
import { makeStateFolder, type StateFolder } from "../support/state_folder.ts";

const REF = "github.com/shoko/kugetsu#14";

/** Writes down each of its hooks, and that it was loaded, in its own folder. */
const DIARY = `
import { appendFileSync } from "node:fs";
const note = (text) => appendFileSync("diary", text + "\\n");
note("loaded");
const hooks = ["pre-start", "post-start", "pre-continue", "post-continue", "pre-destroy", "post-destroy", "outcome"];
export default {
  name: "diary",
  apiVersion: 1,
  hooks: Object.fromEntries(hooks.map((name) => [name, ({ ref, record, message, outcome }) =>
    note([name, ref.number, record?.state, message, outcome?.kind].filter(Boolean).join(" "))])),
};
`;

async function diaryOf(lab: StateFolder): Promise<string[]> {
  const path = join(lab.state, "plugins", ".data", "diary", "diary");
  return existsSync(path) ? (await readFile(path, "utf8")).trim().split("\n") : [];
}

/** Whatever was taken in and then not trusted is gone again. */
async function leftIn(lab: StateFolder): Promise<string[]> {
  const path = join(lab.state, "plugins");
  if (!existsSync(path)) return [];
  const scratch = await readdir(join(path, ".scratch")).catch(() => []);
  return [...await readdir(path), ...scratch].filter((it) => it !== ".scratch").sort();
}

/** A plugin whose code shows that it was run. */
const leavesMark = (path: string) => `
import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(path)}, "");
export default { name: "diary", apiVersion: 1 };
`;

describe("a plugin", () => {
  test("is added after a look and a yes, and by nothing else", async () => {
    await using lab = await makeStateFolder();
    await lab.scratch.write("diary.js", DIARY);
    const refused = exits(9, await lab.kugetsu(["plugin", "add", "diary.js"]));
    assert.match(refused.stderr, /hooks: +pre-start, post-start.*\n.*environment: none/);
    assert.match(refused.stderr, /this is no sandbox[^]*try: kugetsu plugin add "diary.js" -y/);
    assert.deepEqual(await leftIn(lab), []);
    exits(0, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    assert.deepEqual(await leftIn(lab), [".trusted", "diary.js"]);
    const twice = exits(4, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    assert.match(twice.stderr, /kugetsu plugin update diary/);
    const [facts] = (await lab.json<{ name: string; sha256?: string }[]>(["plugin", "list"]))
      .filter((it) => it.name === "diary");
    assert.match(facts!.sha256!, /^[0-9a-f]{64}$/);
  });

  test("runs around each step of a session, and is started by nothing else", async () => {
    await using lab = await makeStateFolder();
    await lab.scratch.write("diary.js", DIARY);
    exits(0, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    for (
      const args of [["list"], ["prune"], ["config", "list"], ["plugin", "list"], [
        "plugin",
        "info",
        "diary",
      ]]
    ) {
      exits(0, await lab.kugetsu(args));
    }
    assert.deepEqual(await diaryOf(lab), []);
    exits(0, await lab.kugetsu(["start", REF, "do it"]));
    exits(0, await lab.kugetsu(["continue", REF, "go on"]));
    exits(0, await lab.kugetsu(["destroy", REF, "-y"]));
    assert.deepEqual((await diaryOf(lab)).filter((line) => line !== "loaded"), [
      "pre-start 14 do it",
      "outcome 14 idle do it done",
      "post-start 14 idle do it done",
      "pre-continue 14 idle go on",
      "outcome 14 idle go on done",
      "post-continue 14 idle go on done",
      "pre-destroy 14 idle",
      "post-destroy 14 idle",
    ]);
  });

  test("is heard under --debug, but for what it was told in confidence", async () => {
    await using lab = await makeStateFolder();
    const says = `
      export default { name: "says", apiVersion: 1, env: ["ACME_TOKEN"], hooks: {
        "pre-start": ({ log }) => log.info("it begins"),
        "outcome": ({ env }) => { console.error("as " + env.ACME_TOKEN); throw new Error(env.ACME_TOKEN); },
      } };`;
    await lab.scratch.write("says.js", says);
    exits(0, await lab.kugetsu(["plugin", "add", "says.js", "-y"]));
    const env = { ACME_TOKEN: "canary-4711" };
    const { stderr } = exits(0, await lab.kugetsu(["start", REF, "do it", "--debug"], { env }));
    assert.match(stderr, /debug .*plugin "says": it begins/);
    assert.match(stderr, /debug .*plugin "says": as \[ACME_TOKEN\]/);
    assert.match(stderr, /warning: .*failed in outcome: \[ACME_TOKEN\]/);
    const quiet = exits(0, await lab.kugetsu(["continue", REF, "go on"], { env }));
    assert.doesNotMatch(quiet.stderr, /debug|it begins/);
    const { stdout } = exits(0, await lab.kugetsu(["logs", REF]));
    assert.doesNotMatch(stdout, /it begins/);
    const told = await run("grep", ["-rl", "canary-4711", lab.state]);
    assert.deepEqual([told.code, told.stdout], [1, ""]);
  });

  test("whose hook fails after a turn is a warning, and outcome and exit code stay", async () => {
    await using lab = await makeStateFolder();
    const bad = `export default { name: "bad", apiVersion: 1, hooks: {
      outcome() { throw new Error("broken"); }, "post-start": () => process.exit(3) } };`;
    await trustPlugin(lab.state, "bad.js", bad, {
      name: "bad",
      hooks: { outcome: {}, "post-start": {} },
    });
    const { stderr } = exits(0, await lab.kugetsu(["start", REF, "do it"]));
    assert.match(stderr, /warning: plugin "bad" failed in outcome: broken/);
    assert.match(stderr, /warning: plugin "bad" failed in post-start: it ended with exit code 3/);
    await lab.standIn.does("refuse 401");
    exits(6, await lab.kugetsu(["start", REF.replace("14", "15"), "do it"]));
    assert.equal((await lab.json<{ sessions: unknown[] }>(["list"])).sessions.length, 2);
  });

  test("may keep a session from being destroyed with a reason, but not by being broken", async () => {
    await using lab = await makeStateFolder();
    const keeps = (body: string) =>
      `export default { name: "keeps", apiVersion: 1, hooks: { "pre-destroy": () => { ${body} } } };`;
    const hooks = { "pre-destroy": {} };
    exits(0, await lab.kugetsu(["start", REF, "do it"]));
    await trustPlugin(lab.state, "keeps.js", keeps('return { refuse: "it is kept" };'), {
      name: "keeps",
      hooks,
    });
    assert.match(exits(9, await lab.kugetsu(["destroy", REF, "-y"])).stderr, /it is kept/);
    assert.equal((await lab.json<{ sessions: unknown[] }>(["list"])).sessions.length, 1);
    await trustPlugin(lab.state, "keeps.js", keeps('throw new Error("broken");'), {
      name: "keeps",
      hooks,
    });
    assert.match(
      exits(0, await lab.kugetsu(["destroy", REF, "-y"])).stderr,
      /failed in pre-destroy: broken/,
    );
  });

  test("that is disabled does not run, and one that is removed leaves nothing", async () => {
    await using lab = await makeStateFolder();
    await lab.scratch.write("diary.js", DIARY);
    exits(0, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    exits(0, await lab.kugetsu(["plugin", "disable", "diary"]));
    exits(0, await lab.kugetsu(["start", REF, "do it"]));
    assert.deepEqual(await diaryOf(lab), []);
    exits(0, await lab.kugetsu(["plugin", "enable", "diary"]));
    exits(0, await lab.kugetsu(["continue", REF, "go on"]));
    assert((await diaryOf(lab)).length > 1);
    exits(9, await lab.kugetsu(["plugin", "remove", "diary"]));
    exits(0, await lab.kugetsu(["plugin", "remove", "diary", "-y"]));
    assert.deepEqual((await leftIn(lab)).filter((it) => !it.startsWith(".")), []);
    assert.deepEqual(await diaryOf(lab), []);
    for (const verb of ["info", "enable", "disable", "update", "trust"]) {
      assert.match(exits(3, await lab.kugetsu(["plugin", verb, "diary"])).stderr, /plugin list/);
    }
  });

  test("that asks for more when it is updated shows what is new", async () => {
    await using lab = await makeStateFolder();
    const text = (env: string) => `export default { name: "wants", apiVersion: 1, env: [${env}] };`;
    await lab.scratch.write("wants.ts", text('"ONE"'));
    exits(0, await lab.kugetsu(["plugin", "add", "./wants.ts", "-y"]));
    await lab.scratch.write("wants.ts", text('"ONE", "TWO"'));
    const { stderr } = exits(9, await lab.kugetsu(["plugin", "update", "wants"]));
    assert.match(stderr, /environment: ONE, TWO \(new\)/);
    const facts = () => lab.json<{ env: string[]; problem?: string }>(["plugin", "info", "wants"]);
    assert.deepEqual((await facts()).env, ["ONE"]);
    exits(0, await lab.kugetsu(["plugin", "update", "wants", "-y"]));
    assert.deepEqual((await facts()).env, ["ONE", "TWO"]);
    assert.equal((await facts()).problem, undefined);
  });

  test("in a folder brings its own packages, and is refused with a link that leads out", async () => {
    await using lab = await makeStateFolder();
    const { scratch } = lab;
    await scratch.write(
      "deep/node_modules/polite/package.json",
      '{"name":"polite","main":"index.js"}',
    );
    await scratch.write(
      "deep/node_modules/polite/index.js",
      'exports.please = (text) => text + ", please";',
    );
    await scratch.write("deep/lib/words.ts", 'export const hook: string = "pre-start";');
    await scratch.write(
      "deep/plugin.ts",
      `import { please } from "polite";
       import { hook } from "./lib/words.ts";
       export default { name: "deep", apiVersion: 1, hooks: { [hook]: ({ message }: { message: string }) => ({ message: please(message) }) } };`,
    );
    exits(0, await lab.kugetsu(["plugin", "add", "deep", "-y"]));
    exits(0, await lab.kugetsu(["start", REF, "do it"]));
    assert.equal((await lab.standIn.calls()).at(-1)!.input, "do it, please");
    await mkdir(scratch.join("other"));
    await scratch.write("other/plugin.ts", 'export default { name: "other", apiVersion: 1 };');
    await symlink("/etc/hostname", scratch.join("other", "link"));
    const { stderr } = exits(2, await lab.kugetsu(["plugin", "add", "other", "-y"]));
    assert.match(stderr, /its link "link" leads out of the folder/);
  });

  test("from the web comes over https, as one file, and is asked about before it is run", async () => {
    await using lab = await makeStateFolder();
    let serves = DIARY;
    const server = await listening((_, response) => response.end(serves));
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/diary.js`;
      const { stderr } = exits(9, await lab.kugetsu(["plugin", "add", address]));
      assert.match(stderr, /Refused to load .* and run it once/);
      exits(0, await lab.kugetsu(["plugin", "add", address, "-y"]));
      exits(0, await lab.kugetsu(["plugin", "update", "diary", "-y"]));
      // What lies there may be something else by now.
      const ran = lab.scratch.join("ran");
      serves = leavesMark(ran);
      const update = exits(9, await lab.kugetsu(["plugin", "update", "diary"]));
      assert.match(update.stderr, /Refused to load .* and run it once/);
      assert.equal(existsSync(ran), false);
      const refused: [string, RegExp][] = [
        ["http://example.org/x.js", /only https/],
        ["ftp://example.org/x.js", /only https/],
        [address.replace(".js", ".tar"), /only one .ts or .js file/],
      ];
      for (const [source, why] of refused) {
        assert.match(exits(2, await lab.kugetsu(["plugin", "add", source, "-y"])).stderr, why);
      }
    } finally {
      await closed(server);
    }
  });

  test("that is none is refused with what is wrong, and nothing is left of it", async () => {
    await using lab = await makeStateFolder();
    const { scratch } = lab;
    await scratch.write("notes.txt", "hello");
    await scratch.write("empty.ts", "export const x = 1;");
    await scratch.write("broken.ts", "export default {{{");
    await scratch.write("taken.ts", 'export default { name: "github", apiVersion: 1 };');
    await mkdir(scratch.join("nothing"));
    const refused: [string, number, RegExp][] = [
      ["missing.ts", 2, /no such file/],
      ["notes.txt", 5, /neither a .ts or .js file nor executable/],
      ["nothing", 5, /holds no plugin.ts/],
      ["empty.ts", 5, /no default export that is a plugin/],
      ["broken.ts", 5, /Cannot load the plugin "broken.ts"/],
      ["taken.ts", 4, /"github": there is one of that name, which is built in/],
    ];
    for (const [source, code, why] of refused) {
      assert.match(exits(code, await lab.kugetsu(["plugin", "add", source, "-y"])).stderr, why);
    }
    assert.deepEqual(await leftIn(lab), []);
    const { stdout, stderr } = exits(2, await lab.kugetsu(["plugin", "check", "missing.ts"]));
    assert.equal(stdout, "");
    assert.match(stderr, /Cannot take "missing.ts" as a plugin: no such file/);
  });

  test("that was changed is not run before somebody has said yes to that", async () => {
    await using lab = await makeStateFolder();
    await lab.scratch.write("diary.js", DIARY);
    exits(0, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    const ran = lab.scratch.join("ran");
    await writeFile(join(lab.state, "plugins", "diary.js"), leavesMark(ran));
    for (const args of [["trust", "diary"], ["check", "diary"], ["info", "diary"]]) {
      await lab.kugetsu(["plugin", ...args]);
      assert.equal(existsSync(ran), false, args.join(" "));
    }
    const { stderr } = exits(9, await lab.kugetsu(["plugin", "trust", "diary"]));
    assert.match(stderr, /run it once.*\n.*try: kugetsu plugin trust diary -y/);
    exits(0, await lab.kugetsu(["plugin", "trust", "diary", "-y"]));
    assert.equal(existsSync(ran), true);
  });

  test("is taken from a file or a folder, and from nothing else", async () => {
    await using lab = await makeStateFolder();
    const ran = lab.scratch.join("ran");
    await lab.scratch.write("plugin.ts", leavesMark(ran));
    const refused: [string, RegExp][] = [
      ["", /no file or folder is named/],
      ["/dev/null", /neither a file nor a folder/],
      ["/", /the state folder lies in it/],
    ];
    for (const [source, why] of refused) {
      for (const verb of ["add", "check"].slice(0, source === "" ? 2 : 1)) {
        assert.match(exits(2, await lab.kugetsu(["plugin", verb, source])).stderr, why);
      }
    }
    assert.equal(existsSync(ran), false);
  });

  test(
    "that a full disk has no room for leaves nothing of itself",
    { skip: needs("tmpfs") },
    async () => {
      await using scratch = await makeScratch("full");
      await using disk = await makeSmallDisk(scratch, 4096);
      await using lab = await makeStateFolder({ state: join(disk.path, "state") });
      await lab.scratch.write("big/plugin.js", DIARY);
      await lab.scratch.write("big/data", "x".repeat(8_000_000));
      const { stderr } = exits(5, await lab.kugetsu(["plugin", "add", "big", "-y"]));
      assert.match(stderr, /Cannot write ".*plugins.*": no space left/);
      assert.deepEqual(await leftIn(lab), []);
    },
  );

  test("that was cut off while it was taken in is cleared a day later", async () => {
    await using lab = await makeStateFolder();
    await lab.scratch.write("diary.js", DIARY);
    const [old, fresh] = ["old", "fresh"].map((it) => join(lab.state, "plugins", ".scratch", it));
    for (const folder of [old!, fresh!]) await mkdir(folder, { recursive: true });
    const yesterday = Date.now() / 1000 - 25 * 3600;
    await utimes(old!, yesterday, yesterday);
    exits(0, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    assert.deepEqual(await leftIn(lab), [".trusted", "diary.js", "fresh"]);
  });

  test("whose file is gone is not trusted but had anew", async () => {
    await using lab = await makeStateFolder();
    await lab.scratch.write("diary.js", DIARY);
    exits(0, await lab.kugetsu(["plugin", "add", "diary.js", "-y"]));
    await rm(join(lab.state, "plugins", "diary.js"));
    const { stderr } = exits(5, await lab.kugetsu(["plugin", "trust", "diary", "-y"]));
    assert.match(stderr, /its file is gone\n.*try: kugetsu plugin update diary/);
    const listed = exits(0, await lab.kugetsu(["plugin", "list"]));
    assert.match(listed.stderr, /"diary" is refused: its file is gone; .*plugin update diary/);
    exits(0, await lab.kugetsu(["plugin", "update", "diary", "-y"]));
    exits(0, await lab.kugetsu(["plugin", "check", "diary"]));
    await rm(lab.scratch.join("diary.js"));
    const sourceless = exits(2, await lab.kugetsu(["plugin", "update", "diary", "-y"]));
    assert.match(sourceless.stderr, /diary.js.*no such file.*\n +try: kugetsu plugin remove diary/);
  });
});

test("where what was trusted cannot be read, all plugins are left out, and nothing else is harmed", async () => {
  await using lab = await makeStateFolder();
  exits(0, await lab.kugetsu(["start", REF, "do it"]));
  await mkdir(join(lab.state, "plugins"), { recursive: true });
  await writeFile(join(lab.state, "plugins", ".trusted"), "");
  assert.match(exits(5, await lab.kugetsu(["plugin", "list"])).stderr, /Cannot read ".*\.trusted"/);
  assert.match(exits(5, await lab.kugetsu(["doctor"])).stdout, /Cannot read ".*\.trusted"/);
  const { stderr } = exits(0, await lab.kugetsu(["destroy", REF, "-y"]));
  assert.equal(stderr.match(/all plugins are left out/g)?.length, 1, stderr);
});

test("two plugins that claim one host are refused with both names, until config says which", async () => {
  await using lab = await makeStateFolder();
  const forge = (name: string) =>
    `export default { name: "${name}", apiVersion: 1, forges: [{
    name: "${name}", hosts: ["git.example.org"],
    url: () => "https://${name}.example.org/", issue: () => { throw new Error("no"); } }] };`;
  for (const name of ["one", "two"]) {
    await lab.scratch.write(`${name}.js`, forge(name));
    exits(0, await lab.kugetsu(["plugin", "add", `${name}.js`, "-y"]));
  }
  const open = () => lab.kugetsu(["open", "git.example.org/a/b#1"]);
  assert.match(
    exits(2, await open()).stderr,
    /"one" and "two" claim it\n.*config path\n.*instances/,
  );
  await lab.scratch.write(
    "state/config.jsonc",
    '{"instances":{"git.example.org":{"forge":"two"}}}',
  );
  assert.equal(exits(0, await open()).stdout, "https://two.example.org/\n");
});

test("nothing is loaded from the current folder", async () => {
  await using lab = await makeStateFolder();
  const trap = 'import { writeFileSync } from "node:fs"; writeFileSync("/dev/stderr", "TRAPPED");';
  for (const name of ["plugin.ts", "plugins/trap.ts", ".kugetsu/plugins/trap.ts", "kugetsu.ts"]) {
    await lab.scratch.write(name, trap);
  }
  await lab.scratch.write("state/plugins/never-added.ts", trap);
  const { stderr } = exits(0, await lab.kugetsu(["start", REF, "do it"]));
  assert(!stderr.includes("TRAPPED"), stderr);
});
