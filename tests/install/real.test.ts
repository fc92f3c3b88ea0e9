/** The real executable: installed from a server, upgraded and uninstalled by itself, also while a turn is running. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { declaredVersion, EXECUTABLE } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { environmentOf, type Host, makeHost, serveMirror, treeOf } from "../support/installer.ts";
import { needs } from "../support/needs.ts";
import { makeWorld } from "../support/opencode_home.ts";
import { start } from "../support/running.ts";

const VERSION = await declaredVersion();
const NEXT = "9.0.0";

async function publishReal(host: Host): Promise<void> {
  const arch = process.arch === "x64" ? ["linux-x64", "linux-x64-baseline"] : ["linux-arm64"];
  await host.publish(VERSION, { executable: await readFile(EXECUTABLE), targets: arch });
}

test("from a server, through upgrade and back, to nothing but the state", {
  skip: needs("linux", "curl"),
}, async () => {
  await using host = await makeHost("a home");
  await publishReal(host);
  await using server = await serveMirror(host);
  const env = { ...environmentOf(host), KUGETSU_BASE_URL: server.url };
  const input = await readFile(join(host.mirror, "latest/download/install.sh"), "utf8");
  const installed = await host.install(["--completions", "--skill"], { env, input });
  assert.equal(installed.code, 0, installed.stderr);
  assert.ok((await readFile(host.target)).equals(await readFile(EXECUTABLE)));
  const skill = join(host.home, ".config/opencode/skills/kugetsu/SKILL.md");
  assert.match(await readFile(skill, "utf8"), /^name: kugetsu$/m);

  const kugetsu = (...args: string[]) => run(host.target, args, { cwd: host.home, env });
  const same = await kugetsu("upgrade", "--json");
  assert.equal(same.code, 0, same.stderr);
  assert.deepEqual(JSON.parse(same.stdout), {
    executable: host.target,
    before: VERSION,
    after: VERSION,
    changed: false,
  });
  await host.publish(NEXT);
  const check = await kugetsu("upgrade", "--check", "--json");
  assert.deepEqual(JSON.parse(check.stdout), { installed: VERSION, newest: NEXT, upgrade: true });
  const there = await kugetsu("upgrade");
  assert.equal(there.stdout, `kugetsu ${NEXT}\n`, there.stderr);
  assert.match(there.stderr, /Installed kugetsu 9\.0\.0/);
  assert.equal((await host.install(["--rollback"])).code, 0);
  const back = await kugetsu("upgrade", "--rollback");
  assert.equal(back.stdout, `kugetsu ${NEXT}\n`, back.stderr);
  assert.equal((await host.install(["--rollback"])).code, 0);

  await host.publish(NEXT, { archive: "<html>" });
  const refused = await kugetsu("upgrade", "--json");
  assert.equal(refused.code, 9, refused.stderr);
  const { error } = JSON.parse(refused.stderr.trimEnd().split("\n").at(-1)!);
  assert.equal(error.code, "install-failed");
  assert.match(error.message, /it is a web page/);
  assert.equal((await kugetsu("--version")).stdout, `kugetsu ${VERSION}\n`);

  await kugetsu("config", "set", "limits.total", "2h");
  const mine = `${skill}.previous`;
  await writeFile(mine, "name: kugetsu\nchanged by hand\n");
  assert.equal((await kugetsu("uninstall")).code, 9);
  const gone = await kugetsu("uninstall", "-y");
  assert.equal(gone.code, 0, gone.stderr);
  assert.match(gone.stderr, /Left .*SKILL\.md\.previous/);
  assert.match(await readFile(mine, "utf8"), /by hand/);
  await rm(join(host.home, ".config"), { recursive: true });
  const left = (await treeOf(host.home)).map((line) => line.split(" ")[0]!);
  assert.ok(left.length > 0 && left.every((it) => it.startsWith(".kugetsu/")), left.join(" "));
});

test(
  "a turn that is running goes on through an upgrade, and keeps kugetsu from being uninstalled",
  {
    skip: needs("linux"),
  },
  async () => {
    await using host = await makeHost();
    await publishReal(host);
    await host.install(["--no-modify-path"]);
    await using world = await makeWorld({ opencode: "stand-in" });
    const options = { cwd: world.repository, env: world.env };
    const made = await run(host.target, ["init", "--headless"], options);
    assert.equal(made.code, 0, made.stderr);
    await world.standIn.does("slow 600 0.1");
    const turn = start(host.target, ["start", "github.com/shoko/kugetsu#14", "work"], options);
    try {
      await turn.sees(/ok/);
      const env = { KUGETSU_HOME: world.state };
      const refused = await host.install(["--uninstall", "--yes"], { env });
      assert.equal(refused.code, 4, refused.stderr);
      assert.match(refused.stderr, /turns are running \(1\)/);
      // A later version that can tell what is running: the same executable, which says another version.
      const wrapped = host.scratch.join("real");
      await writeFile(wrapped, await readFile(EXECUTABLE));
      await chmod(wrapped, 0o755);
      const later =
        `[ "$1" != --version ] || { echo "kugetsu ${NEXT}"; exit; }\nexec "${wrapped}" "$@"\n`;
      await host.publish(NEXT, { executable: later });
      const upgraded = await host.install([], { env });
      assert.match(upgraded.stdout, /Turns that are running now \(1\) go on with the version/);
      assert.ok(turn.isRunning());
      turn.kill("SIGINT");
      const { code } = await turn.ended;
      assert.equal(code, 130);
      const listed = await run(wrapped, ["list", "--json"], options);
      assert.match(listed.stdout, /"state": "stopped"/);
    } finally {
      turn.kill("SIGKILL");
    }
  },
);
