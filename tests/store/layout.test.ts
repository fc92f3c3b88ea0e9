/** The state folder: where it may be, and who may look into it. */
import assert from "node:assert/strict";
import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { needs } from "../support/needs.ts";
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

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}
