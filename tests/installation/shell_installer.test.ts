import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { shellInstaller } from "../../src/installation/shell_installer.ts";
import { environmentOf, type Host, makeHost, OLD_TOOL, payload } from "../support/installer.ts";
import { needs } from "../support/needs.ts";

/** The installation of an executable that says it is 1.0.0. */
async function prepared(): Promise<
  { host: Host; said: string[]; installation: ReturnType<typeof shellInstaller> }
> {
  const host = await makeHost("a home");
  await host.publish("1.1.0");
  await host.scratch.write("a home/.local/bin/kugetsu", payload("1.0.0"), 0o755);
  const said: string[] = [];
  const installation = shellInstaller({
    env: environmentOf(host),
    version: "1.0.0",
    execPath: host.target,
    say: (line) => void said.push(line),
  });
  return { host, said, installation };
}

test("upgrades, goes back, and uninstalls by means of install.sh", async () => {
  const { host, said, installation } = await prepared();
  await using _ = host;
  assert.equal(await installation.newest(undefined), "1.1.0");
  assert.deepEqual(await installation.upgrade({}), { before: "1.0.0", after: "1.1.0" });
  assert.match(
    said.join("\n"),
    /Getting file:[^]*Installed kugetsu 1\.1\.0 as .* \(before: 1\.0\.0\)/,
  );
  assert.ok(!said.some((line) => line.startsWith("Next:")));
  await installation.upgrade({ rollback: true });
  assert.equal(await readFile(host.target, "utf8"), payload("1.0.0"));
  await installation.uninstall({ purge: false });
  await assert.rejects(readFile(host.target));
});

test("what the script says and how it ends become an error of the catalogue", async () => {
  const { host, installation } = await prepared();
  await using _ = host;
  const cases: [Parameters<typeof installation.upgrade>[0], number, RegExp][] = [
    [{ version: "../x" }, EXIT.usage, /Cannot install version "\.\.\/x"/],
    [{ version: "9.9.9" }, EXIT.environment, /Cannot get "file:/],
    [{ baseUrl: "http://example.org" }, EXIT.usage, /only https/],
    [{ version: "" }, EXIT.usage, /--version needs a value/],
    [{ baseUrl: "" }, EXIT.usage, /--base-url needs a value/],
    [{ rollback: true }, EXIT.environment, /Cannot go back: there is no/],
  ];
  for (const [options, exit, message] of cases) {
    await assert.rejects(installation.upgrade(options), (error) => {
      assert(error instanceof KugetsuError);
      assert.equal(error.exit, exit);
      assert.match(error.message, message);
      assert.ok(error.next);
      return true;
    });
  }
  await host.publish("1.1.0", { archive: "<html>" });
  await assert.rejects(
    installation.upgrade({}),
    (error) => error instanceof KugetsuError && error.exit === EXIT.refused,
  );
  assert.equal(await readFile(host.target, "utf8"), payload("1.0.0"));
});

test("what to run next is something that is at hand", { skip: needs("linux") }, async () => {
  const { host, installation } = await prepared();
  await using _ = host;
  await rm(host.target);
  await host.scratch.write("a home/.local/bin/kugetsu.bash-backup", OLD_TOOL);
  await assert.rejects(
    installation.upgrade({ rollback: true }),
    (error) => error instanceof KugetsuError && error.next === "kugetsu uninstall",
  );
  // A folder whose file system takes nothing, root's neither.
  const options = { env: environmentOf(host), version: "1.0.0", say() {} };
  const elsewhere = shellInstaller({ ...options, execPath: "/proc/self/kugetsu" });
  await assert.rejects(
    elsewhere.upgrade({}),
    (error) => error instanceof KugetsuError && error.next === 'ls -ld "/proc/self"',
  );
});

test("a runtime is not replaced", async () => {
  const { host } = await prepared();
  await using _ = host;
  const env = environmentOf(host);
  const options = { env, version: "1.0.0", execPath: join(host.bin, "deno"), say() {} };
  const installation = shellInstaller(options);
  for (const ask of [() => installation.executable, () => installation.upgrade({})]) {
    await assert.rejects(
      async () => await ask(),
      (error) => error instanceof KugetsuError && error.code === "not-installed",
    );
  }
});
