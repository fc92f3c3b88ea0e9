/** What old scripts still call: skills/kugetsu/scripts/kugetsu-install.sh and skills/kugetsu/scripts/kugetsu. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import {
  environmentOf,
  type Host,
  makeHost,
  payload,
  SHELLS,
  treeOf,
} from "../support/installer.ts";
import { needs } from "../support/needs.ts";

const INSTALL = "skills/kugetsu/scripts/kugetsu-install.sh";
const TOOL = "skills/kugetsu/scripts/kugetsu";

const FOREIGN = "MARK='this is the installer of kugetsu'\necho foreign\n";

/** A checkout with the shims, and an install.sh that notes how it was called and installs what tells its arguments. */
async function prepared(): Promise<Host & { checkout: string }> {
  const host = await makeHost("a home");
  const checkout = host.scratch.join("a checkout");
  for (const file of [INSTALL, TOOL]) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await copyFile(join(ROOT, file), join(checkout, file));
  }
  await host.scratch.write("a checkout/scripts/compile.ts", "");
  const executable = await host.scratch.write("executable", 'echo "ran: $*"\n', 0o755);
  await host.scratch.write(
    "a checkout/install.sh",
    `MARK='this is the installer of kugetsu'\necho "installs: $*"\nmkdir -p "$HOME/.local/bin"\ncp "${executable}" "$HOME/.local/bin/kugetsu"\n`,
  );
  return { ...host, checkout };
}

for (const [shell, program] of SHELLS) {
  test(`${shell.join(" ")}: kugetsu-install.sh installs, sourced and run`, {
    skip: needs(program),
  }, async () => {
    await using host = await prepared();
    const call = (command: string) => {
      const [first, ...rest] = [...shell, "-c", command];
      return run(first!, rest, { cwd: host.checkout, env: environmentOf(host) });
    };
    const sourced = await call(`set -- --prefix /nowhere; . ${INSTALL}; echo "rc $?, $*"`);
    assert.equal(sourced.stdout, "installs: \nrc 0, --prefix /nowhere\n");
    assert.match(sourced.stderr, /^note: kugetsu-install\.sh is now install\.sh/);
    const ran = await call(`${shell.join(" ")} ${INSTALL} --dry-run`);
    assert.equal(ran.stdout, "installs: --dry-run\n", ran.stderr);
    const away = await call(`cd / && . "${join(host.checkout, INSTALL)}"; echo "rc $?"`);
    assert.equal(away.stdout, "installs: \nrc 0\n", away.stderr);
    // What lies in the folder that somebody happens to be in may be anybody's.
    const copy = await host.scratch.write("foreign/shim", await readFile(join(ROOT, INSTALL)));
    await host.scratch.write("foreign/install.sh", FOREIGN);
    for (const how of [".", shell.join(" ")]) {
      const foreign = await call(`set -f; cd ../foreign && ${how} "${copy}"; echo "rc $?"`);
      assert.deepEqual([foreign.stdout, foreign.code], ["rc 5\n", 0], foreign.stderr);
    }
  });
}

test("scripts/kugetsu installs where there is nothing, then runs the executable", async () => {
  await using host = await prepared();
  const env = environmentOf(host);
  for (let time = 1; time <= 2; time++) {
    const { stdout, stderr } = await run(join(host.checkout, TOOL), ["list", "a b"], { env });
    assert.equal(stdout, "ran: list a b\n", stderr);
    assert.equal(/installs: --no-modify-path/.test(stderr), time === 1);
    assert.match(stderr, /is only there for old scripts; call .*a home\/\.local\/bin\/kugetsu/);
  }
});

test("a link to scripts/kugetsu installs from the checkout that it leads to", async () => {
  await using host = await prepared();
  const link = host.scratch.join("kugetsu");
  await symlink(join(host.checkout, TOOL), host.scratch.join("other"));
  await symlink("other", link);
  const { stdout, stderr } = await run(link, ["list"], { env: environmentOf(host) });
  assert.equal(stdout, "ran: list\n", stderr);
  assert.match(stderr, /installs: --no-modify-path/);
});

test("a copy of scripts/kugetsu on PATH runs the executable behind it, or says what is missing", async () => {
  await using host = await prepared();
  const copy = join(host.bin, "kugetsu");
  await mkdir(host.bin, { recursive: true });
  await copyFile(join(ROOT, TOOL), copy);
  await chmod(copy, 0o755);
  const env = environmentOf(host);
  const alone = await run(copy, ["list"], { env });
  assert.equal(alone.code, 5);
  assert.match(alone.stderr, /Cannot find the executable kugetsu/);
  await host.scratch.write("other/kugetsu", payload("1.0.0"), 0o755);
  const PATH = `${host.bin}:${host.scratch.join("other")}:${env["PATH"]}`;
  const behind = await run(copy, ["--version"], { env: { ...env, PATH } });
  assert.equal(behind.stdout, "kugetsu 1.0.0\n");
  // Installing over the copy keeps it, as it does any script.
  await host.publish("1.0.0");
  assert.match((await host.install(["--no-modify-path"])).stdout, /Kept the script/);
  assert.equal((await treeOf(host.bin)).length, 2);
});

test("shellcheck finds nothing", { skip: needs("shellcheck") }, async () => {
  const { code, stdout } = await run("shellcheck", [join(ROOT, INSTALL), join(ROOT, TOOL)]);
  assert.equal(code, 0, stdout);
});
