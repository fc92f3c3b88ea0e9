/** A turn runs in the base's folder whatever the current one is, and nothing that lies there is run or read. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeWorld, type World } from "../support/opencode_home.ts";

const AUTHOR = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
const WHERE = `@tool bash ${JSON.stringify({ command: "pwd > where", description: "where" })}`;

test("a turn runs in the base's folder, from elsewhere and from another repository", async () => {
  await using world = await makeWorld();
  const link = world.scratch.join("link");
  await symlink(world.repository, link);
  const made = await world.kugetsu(["init", "--headless", "--dir", link], { cwd: "/" });
  assert.equal(made.code, 0, made.stderr);
  const other = world.scratch.join("other");
  await mkdir(other);
  await world.git("init", "--quiet", other);
  const places: [string[], string][] = [
    [["start", "github.com/shoko/kugetsu#14", "--shared"], world.repository],
    [["continue", "github.com/shoko/kugetsu#14"], world.repository],
    [["start", "github.com/shoko/kugetsu#13"], world.worktree(13)],
    [["continue", "github.com/shoko/kugetsu#13"], world.worktree(13)],
    [["start", "github.com/shoko/kugetsu#12", "--runner", "run"], world.repository],
  ];
  for (const [args, folder] of places) {
    const turn = await world.kugetsu([...args, WHERE], { cwd: other });
    assert.equal(turn.code, 0, turn.stderr);
    assert.equal(await readFile(join(folder, "where"), "utf8"), `${folder}\n`);
    await rm(join(folder, "where"));
    assert.ok(!existsSync(join(other, "where")));
  }

  await rename(world.repository, `${world.repository}-moved`);
  for (const [command, number] of [["start", 15], ["continue", 14]]) {
    const ref = `github.com/shoko/kugetsu#${number}`;
    const lost = await world.kugetsu([`${command}`, ref, "hello"], { cwd: other });
    assert.equal(lost.code, 5, lost.stderr);
    assert.match(lost.stderr, /no such folder/);
  }
  await rename(`${world.repository}-moved`, world.repository);
  assert.equal((await world.kugetsu(["continue", "github.com/shoko/kugetsu#14", "back"])).code, 0);
});

test("what a hostile folder plants is neither run nor read", async () => {
  await using world = await makeWorld({ opencode: "stand-in" });
  await initIn(world);
  const hostile = world.scratch.join("hostile");
  const witness = world.scratch.join("witness");
  const script = `#!/bin/sh\necho "$0 $*" >> ${witness}\n`;
  const plant = (name: string, content: string, mode?: number) =>
    world.scratch.write(`hostile/${name}`, content, mode);
  await plant(
    "evil.ts",
    `require("node:fs").appendFileSync(${JSON.stringify(witness)}, "preload");`,
  );
  await plant("bunfig.toml", 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n');
  await plant(".env", "KUGETSU_HOME=/nowhere\nKUGETSU_OPENCODE=./opencode\n");
  await plant("tsconfig.json", '{"compilerOptions":{"paths":{"*":["./evil.ts"]}}}');
  await plant("package.json", '{"imports":{"#*":"./evil.ts"},"type":"commonjs"}');
  await plant("deno.json", '{"imports":{"valibot":"./evil.ts"}}');
  for (const name of ["opencode", "git", "node_modules/.bin/opencode", "node_modules/.bin/git"]) {
    await plant(name, script, 0o755);
  }
  const env = { PATH: `.:node_modules/.bin::${world.env.PATH}` };
  for (const args of [["list"], ["doctor"], ["start", "github.com/shoko/kugetsu#14", "hello"]]) {
    const { code, stderr } = await world.kugetsu(args, { cwd: hostile, env });
    assert.equal(code, 0, `${args[0]}: ${stderr}`);
  }
  const short = await world.kugetsu(["continue", "14"], { cwd: hostile, env });
  assert.equal(short.code, 2, "the folder is no repository");
  assert.ok(!existsSync(witness), "something planted was run");
});

test("opencode is not started where the repository's files would say what it runs", async () => {
  await using world = await makeWorld();
  const witness = world.scratch.join("witness");
  const plant = (name: string, content: string) =>
    world.scratch.write(`repository/${name}`, content);
  const paths = { compilerOptions: { baseUrl: ".", paths: { "*": ["./evil.ts"] } } };
  await plant(
    "evil.ts",
    `import { appendFileSync as add } from "node:fs"; add("${witness}", "x");`,
  );
  await plant("tsconfig.json", JSON.stringify(paths));
  // So that the rules that hold there have to be asked for.
  await plant("opencode.json", '{"permission":{"webfetch":"deny"}}');
  await world.git("add", ".");
  await world.git(...AUTHOR, "commit", "--quiet", "--message", "plant");
  for (
    const args of [
      ["init", "--headless"],
      ["start", "github.com/shoko/kugetsu#14", "@say hello"],
      ["start", "github.com/shoko/kugetsu#15", "@say hello", "--shared"],
      ["start", "github.com/shoko/kugetsu#16", "@say hello", "--runner", "run"],
      ["continue", "github.com/shoko/kugetsu#16", "@say again", "--runner", "run"],
      ["doctor"],
    ]
  ) {
    const { code, stderr } = await world.kugetsu(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    assert.ok(!existsSync(witness), `${args.join(" ")} ran what was planted`);
  }
});

async function initIn(world: World): Promise<void> {
  const { code, stderr } = await world.kugetsu(["init", "--headless"]);
  assert.equal(code, 0, stderr);
}
