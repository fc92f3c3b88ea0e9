/** The state folder: where it may be, and who may look into it. */
import assert from "node:assert/strict";
import { chmod, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../scripts/_run.ts";
import { makeSmallDisk } from "../support/disk.ts";
import { needs } from "../support/needs.ts";
import { makeScratch } from "../support/scratch.ts";
import { makeStateFolder } from "../support/state_folder.ts";

/** What statfs(2) says of each, as the eight bytes that it would put in memory. */
const NETWORK_FILE_SYSTEMS = {
  "NFS": "6969000000000000",
  "CIFS": "424d53ff00000000",
  "SMB2": "424d53fe00000000",
  "SMB": "7b51000000000000",
  "9p": "9719020100000000",
  "AFS": "4f41465300000000",
  "CephFS": "0064c30000000000",
};

for (const [name, bytes] of Object.entries(NETWORK_FILE_SYSTEMS)) {
  test(`a state folder on ${name} is refused`, { skip: needs("strace") }, async () => {
    await using lab = await makeStateFolder();
    const tracer = ["strace", "-o", lab.scratch.join("log"), "-e", "trace=statfs"];
    const under = [...tracer, "-e", `inject=statfs:poke_exit=@arg2=${bytes}`, "--"];
    const { code, stderr } = await lab.kugetsu(["start", "github.com/a/b#1", "do it"], { under });
    assert.equal(code, 5);
    assert.ok(stderr.includes(`"${lab.state}"`) && stderr.includes(`(${name})`), stderr);
    assert.match(stderr, /KUGETSU_HOME/);
    assert.deepEqual(await readdir(join(lab.state, "sessions")), ["base.json"]);
    assert.deepEqual((await lab.standIn.calls()).filter(({ args }) => args[0] === "run"), []);
  });
}

test("nobody else can read what is in the folder, even if it was open before", async () => {
  await using lab = await makeStateFolder();
  await chmod(lab.state, 0o755);
  assert.equal((await lab.kugetsu(["start", "github.com/a/b#1", "do it"])).code, 0);
  assert.equal(await modeOf(lab.state), 0o700);
  for (const name of ["index.json", "sessions/github.com-a-b-1.json", "locks/store.lock"]) {
    assert.equal(await modeOf(join(lab.state, name)), 0o600, name);
  }
  for (const name of ["locks", "locks/turns", "run"]) {
    assert.equal(await modeOf(join(lab.state, name)), 0o700, name);
  }
});

test("doctor says that a folder cannot be written, and repairs nothing then", {
  skip: needs("tmpfs"),
}, async () => {
  await using scratch = await makeScratch("layout");
  await using disk = await makeSmallDisk(scratch, 1024);
  await using lab = await makeStateFolder({ state: join(disk.path, "state") });
  await writeFile(join(lab.state, "sessions", "github.com-a-b-1.json"), "{");
  const remount = async (how: string) =>
    assert.equal((await run("mount", ["-o", `remount,${how}`, disk.path])).code, 0);
  await remount("ro");
  for (const args of [["doctor"], ["doctor", "--fix"]]) {
    const { code, stdout, stderr } = await lab.kugetsu(args);
    assert.deepEqual([code, stderr], [5, ""]);
    assert.match(stdout, /^bad .*state: nothing can be written there: .*read-only.*KUGETSU_HOME/m);
    assert.match(stdout, /github.com-a-b-1.json: the session file cannot be read/);
  }
  await remount("rw");
  assert.doesNotMatch((await lab.kugetsu(["doctor", "--fix"])).stdout, /nothing can be written/);
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}
