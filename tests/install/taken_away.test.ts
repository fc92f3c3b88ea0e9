/** What install.sh puts beside the executable, and takes away again: start-up files, the skill, and what others keep. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { chmod, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../scripts/_run.ts";
import { type Host, makeHost, OLD_TOOL, payload, treeOf } from "../support/installer.ts";
import { needs } from "../support/needs.ts";

const SKILL = "---\nname: kugetsu\n---\nas it is written\n";
/** Writes the skill as the real one does. */
const WITH_SKILL = `${payload("1.0.0")}
if [ "$1 $2" = "skill install" ]; then
  folder=\${4-$HOME/.config/opencode/skills}
  mkdir -p "$folder/kugetsu"
  printf '%b' '${SKILL.replaceAll("\n", "\\n")}' >"$folder/kugetsu/SKILL.md"
fi
`;

async function hostWithSkill(): Promise<Host & { skill: string }> {
  const host = await makeHost();
  await host.publish("1.0.0", { executable: WITH_SKILL });
  return { ...host, skill: join(host.home, ".config/opencode/skills/kugetsu/SKILL.md") };
}

/** Runs as somebody to whom modes matter. */
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

async function giveToNobody({ scratch }: Host): Promise<void> {
  await run("chown", ["-R", "65534:65534", scratch.path]);
}

async function done(host: Host, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await host.install(args, { env });
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

for (const shell of ["bash", "fish"]) {
  test(`two folders: each has its own line for ${shell}, and taking one away leaves the other`, async () => {
    await using host = await hostWithSkill();
    const other = host.scratch.join("other");
    const env = { SHELL: `/bin/${shell}` };
    await writeFile(join(host.home, ".bashrc"), "mine, without an end");
    const before = await treeOf(host.home);
    await done(host, ["--skill"], env);
    const one = (await treeOf(host.home)).filter((it) => !it.startsWith(".local"));
    assert.match(await done(host, ["--prefix", other], env), /open a new shell/);
    const both = (await treeOf(host.home)).join("\n");
    assert.ok(both.includes(`'${other}/bin'`) || both.includes(`${other}/bin`), both);
    assert.match(both, /\$HOME\/\.local\/bin/);
    assert.match(
      await done(host, ["--uninstall", "--yes", "--prefix", other], env),
      /Left .*SKILL\.md: another kugetsu is installed/,
    );
    assert.deepEqual((await treeOf(host.home)).filter((it) => !it.startsWith(".local")), one);
    // The other way round, where the second is nowhere on PATH.
    await done(host, ["--prefix", other], env);
    assert.match(await done(host, ["--uninstall", "--yes"], env), /Left .*SKILL\.md/);
    await done(host, ["--uninstall", "--yes", "--prefix", other], env);
    assert.deepEqual(await treeOf(host.home), before);
  });
}

test("a skill that was changed by hand stays, and so does what was kept of it", async () => {
  await using host = await hostWithSkill();
  await done(host, ["--skill"]);
  await writeFile(host.skill, `${SKILL}and mine\n`);
  await writeFile(`${host.skill}.previous`, "first");
  await writeFile(`${host.skill}.previous.2`, "second");
  const said = await done(host, ["--uninstall", "--yes"]);
  assert.match(said, /Left .*SKILL\.md: it is not what this kugetsu writes/);
  assert.match(said, /Left .*previous, which was there before\nLeft .*previous\.2, which/);
  assert.equal(await readFile(host.skill, "utf8"), `${SKILL}and mine\n`);
});

test("a start-up file that may only be read is extended, and keeps its mode", {
  skip: needs("root"),
}, async () => {
  await using host = await hostWithSkill();
  const bashrc = await host.scratch.write("home/.bashrc", "mine\n", 0o444);
  await giveToNobody(host);
  const before = await treeOf(host.home);
  const options = { under: NOBODY };
  const { stdout } = await host.install([], options);
  assert.match(stdout, /Added .* in .*\.bashrc[^]*open a new shell/);
  assert.match((await treeOf(host.home))[0]!, /^\.bashrc 444 mine\n# >>> kugetsu/);
  const gone = await host.install(["--uninstall", "--yes"], options);
  assert.equal(gone.code, 0, gone.stderr);
  assert.deepEqual(await treeOf(host.home), before);
  assert.equal(await readFile(bashrc, "utf8"), "mine\n");
});

test(
  "a start-up file that cannot be changed is named, nothing is left beside it, and the rest goes on",
  {
    skip: needs("root"),
  },
  async () => {
    await using host = await hostWithSkill();
    const locked = host.scratch.join("locked");
    await host.scratch.write("locked/bashrc", "mine\n");
    await symlink(join(locked, "bashrc"), join(host.home, ".bashrc"));
    await host.scratch.write("home/.profile", "mine\n");
    await giveToNobody(host);
    const options = { under: NOBODY };
    await chmod(locked, 0o555);
    const { stdout } = await host.install([], options);
    assert.match(stdout, /Note: ".*\.bashrc" cannot be changed[^]*Put this line where/);
    assert.doesNotMatch(stdout, /open a new shell/);
    assert.deepEqual(await readdir(locked), ["bashrc"]);
    await chmod(locked, 0o755);
    await host.install([], options);
    assert.match(await readFile(join(locked, "bashrc"), "utf8"), /kugetsu/);
    await chmod(locked, 0o555);
    const gone = await host.install(["--uninstall", "--yes"], options);
    assert.equal(gone.code, 0, gone.stderr);
    assert.match(gone.stdout, /Note: ".*\.bashrc" cannot be changed[^]*Uninstalled kugetsu/);
    assert.equal(await readFile(join(host.home, ".profile"), "utf8"), "mine\n");
    assert.deepEqual(await readdir(locked), ["bashrc"]);
  },
);

test("a folder that cannot be written is found before anything is taken away", {
  skip: needs("root"),
}, async () => {
  await using host = await hostWithSkill();
  await done(host, ["--skill", "--completions"]);
  await host.publish("1.1.0");
  await done(host, []);
  await giveToNobody(host);
  await chmod(host.bin, 0o555);
  const before = await treeOf(host.home);
  for (const args of [["--uninstall", "--yes"], ["--rollback"]]) {
    const { code, stderr } = await host.install(args, { under: NOBODY });
    assert.equal(code, 5);
    assert.match(stderr, /Cannot write in ".*bin"\. Nothing was changed\n {2}try: ls -ld /);
    assert.deepEqual(await treeOf(host.home), before);
  }
});

/** The user's shell, the start-up files that there are, which of them says PATH afterwards, and what is said. */
const LOGINS: [shell: string, there: string[], extended: string[], said: RegExp][] = [
  ["/bin/bash", [], [".bashrc", ".profile"], /open a new shell/],
  ["/bin/bash", [".bash_profile"], [".bash_profile", ".bashrc"], /open a new shell/],
  ["/bin/mksh", [".bash_profile"], [".bash_profile", ".profile"], /log in again/],
  ["/bin/sh", [".bash_profile"], [".bash_profile", ".profile"], /log in again/],
  ["", [], [".profile"], /log in again/],
  ["/bin/zsh", [".profile"], [".profile", ".zshrc"], /open a new shell/],
  ["/bin/tcsh", [], [], /csh .*set path = [^]*Next: ".*kugetsu" doctor/],
  ["/usr/bin/nu", [".profile"], [".profile"], /Put this line[^]*Next: ".*kugetsu" doctor/],
];

for (const [shell, there, extended, said] of LOGINS) {
  test(`SHELL=${shell} with ${there.join() || "nothing"}: the files that it reads`, async () => {
    await using host = await hostWithSkill();
    for (const name of there) await host.scratch.write(`home/${name}`, "mine\n");
    assert.match(await done(host, [], { SHELL: shell }), said);
    const marked = (await treeOf(host.home)).filter((it) => it.includes(">>> kugetsu"));
    assert.deepEqual(marked.map((it) => it.split(" ")[0]), extended);
  });
}

test("scripts that are not put back are named", async () => {
  await using host = await hostWithSkill();
  for (const text of [OLD_TOOL, `${OLD_TOOL}# changed\n`]) {
    await host.scratch.write("home/.local/bin/kugetsu", text, 0o755);
    await done(host, ["--no-modify-path"]);
  }
  const noWay = await host.install(["--rollback"]);
  assert.match(
    noWay.stderr,
    /before this kugetsu there was a script[^]*sh install\.sh --uninstall/,
  );
  const said = await done(host, ["--uninstall", "--yes"]);
  assert.match(said, /Put the script back[^]*Left .*kugetsu\.bash-backup\.2, a script/);
});

test("where there is no kugetsu, it says so and asks nothing; a broken one and --purge name the way out", async () => {
  await using host = await hostWithSkill();
  const none = await host.install(["--uninstall"], { under: ["setsid", "--wait"] });
  assert.equal(none.code, 0, none.stderr);
  assert.match(none.stdout, /^There is no kugetsu in .*\n$/);
  await host.scratch.write("home/.kugetsu/index.json", "{}");
  await host.scratch.write("home/.local/bin/kugetsu", "exit 1\n", 0o755);
  const refused = await host.install(["--uninstall", "--purge", "--yes"]);
  assert.equal(refused.code, 9);
  assert.match(
    refused.stderr,
    /try: sh install\.sh --uninstall, then delete ".*\.kugetsu" yourself/,
  );
  await rm(host.target);
});
