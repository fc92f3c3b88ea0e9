/**
 * install.sh, killed in the middle of an upgrade: at the n-th system call that changes something, of each of its
 * processes, and all of it at once before each program that it calls. The old executable is there byte for byte, or
 * the new one is; the next run does the rest, and start-up files are never half.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CALLED, type Host, makeHost, pathWith, payload, treeOf } from "../support/installer.ts";
import { needs } from "../support/needs.ts";
import { drawn, rounds } from "../support/rounds.ts";

const OLD = payload("1.0.0");
const NEW = payload("1.1.0");
const MINE = "# mine, without an end";

const CHANGING =
  "openat,write,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat," +
  "mkdir,mkdirat,ftruncate,fsync,copy_file_range";

/** A host with the old version, whose start-up files know nothing of it yet. */
async function prepared(): Promise<Host> {
  const host = await makeHost();
  await host.publish("1.1.0");
  return host;
}

async function reset(host: Host): Promise<void> {
  await rm(host.bin, { recursive: true, force: true });
  await host.scratch.write("home/.local/bin/kugetsu", OLD, 0o755);
  await writeFile(join(host.home, ".bashrc"), MINE);
  await rm(join(host.home, ".profile"), { force: true });
}

/** Right after the kill, and after the run that follows it. */
async function assertWhole(host: Host, when: string): Promise<void> {
  const found = await readFile(host.target, "utf8");
  assert.ok(found === OLD || found === NEW, `${when}: the executable is neither old nor new`);
  const bashrc = await readFile(join(host.home, ".bashrc"), "utf8");
  assert.ok(bashrc === MINE || isExtended(bashrc), `${when}: .bashrc is half`);
  const { code, stderr } = await host.install();
  assert.equal(code, 0, `${when}: ${stderr}`);
  const names = (await treeOf(host.home)).map((line) => line.split(" ")[0]);
  const expected = [".bashrc", ".local/bin/kugetsu", ".local/bin/kugetsu.previous", ".profile"];
  assert.deepEqual(names, expected, when);
  assert.equal(await readFile(host.target, "utf8"), NEW, when);
  assert.equal(await readFile(join(host.bin, "kugetsu.previous"), "utf8"), OLD, when);
  assert.ok(isExtended(await readFile(join(host.home, ".bashrc"), "utf8")), when);
}

function isExtended(text: string): boolean {
  return text.startsWith(`${MINE}\n# >>> kugetsu >>>`) && text.endsWith("\n# <<< kugetsu <<<\n");
}

for (const shell of ["dash", "bash"] as const) {
  test(`${shell}: any process killed at its n-th system call`, {
    skip: needs("strace", shell),
  }, async () => {
    await using host = await prepared();
    const log = host.scratch.join("log");
    const step = rounds(shell === "dash" ? 2 : 4, 1);
    let killed = 0;
    for (let nth = 1 + drawn(step);; nth += step) {
      await reset(host);
      const inject = `inject=${CHANGING}:signal=KILL:when=${nth}`;
      const under = [
        "strace",
        "-f",
        "-qq",
        "-o",
        log,
        "-e",
        `trace=${CHANGING}`,
        "-e",
        inject,
        "--",
      ];
      await host.install([], { shell: [shell], under });
      if (!(await readFile(log, "utf8")).includes("killed by SIGKILL")) break;
      killed++;
      await assertWhole(host, `killed at call ${nth}`);
      assert.ok(nth < 1000, "it does not come to an end");
    }
    assert.ok(killed * step > 20, `only ${killed} kills`);
  });
}

test("all of it killed before each program that it calls", { skip: needs("dash") }, async () => {
  await using host = await prepared();
  const count = host.scratch.join("count");
  const PATH = await pathWith(host, {
    own: Object.fromEntries(
      CALLED.filter((it) => it !== "sh" && it !== "dash").map((name) => [
        name,
        // The shell's own words only, so that counting calls nothing. Two programs of a pipe may count at once.
        `echo >>${count}; n=0; while read -r line; do n=$((n + 1)); done <${count}\n` +
        `[ "$n" -lt "$KILL_AT" ] || kill -9 0\n` +
        `PATH=/usr/local/bin:/usr/bin:/bin; exec ${name} "$@"`,
      ]),
    ),
  });
  const step = rounds(3, 1);
  for (let at = 1 + drawn(step);; at += step) {
    await reset(host);
    await writeFile(count, "");
    const env = { PATH, KILL_AT: String(at) };
    // In a process group of its own: the whole of it dies at once.
    const options = { shell: ["dash"], env, under: ["/usr/bin/setsid"] };
    const { signal } = await host.install([], options);
    await assertWhole(host, `killed before program ${at}`);
    if (signal === "SIGKILL") continue;
    assert.ok(at > 30, `it calls only ${at} programs`);
    return;
  }
});
