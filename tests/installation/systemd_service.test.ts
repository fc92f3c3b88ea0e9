import { after, test } from "node:test";
import assert from "node:assert/strict";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KugetsuError } from "../../src/errors.ts";
import { systemdService } from "../../src/installation/systemd_service.ts";
import { makeScratch } from "../support/scratch.ts";

const scratch = await makeScratch("service");
after(() => scratch[Symbol.asyncDispose]());

/** Programs that note how they are called, and end as `code` says. */
const NOTES = (name: string, code: string) =>
  `#!/bin/sh
echo "${name} $*" >>"$CALLS"
${code}
`;
const WELL = { systemctl: "exit 0", loginctl: "echo Linger=yes" };

let count = 0;

async function makeUser(programs: Partial<typeof WELL> = WELL, env: Record<string, string> = {}) {
  const home = scratch.join(`home-${++count}`);
  await mkdir(join(home, "bin"), { recursive: true });
  for (const [name, code] of Object.entries(programs)) {
    await writeFile(join(home, "bin", name), NOTES(name, code), { mode: 0o755 });
  }
  const calls = join(home, "calls");
  const all = { HOME: home, PATH: join(home, "bin"), CALLS: calls, ...env };
  return {
    home,
    service: (options = {}) =>
      systemdService({ env: all, state: undefined, command: ["/x/kugetsu", "a"], ...options }),
    calls: async () =>
      (await readFile(calls, "utf8").catch(() => "")).split("\n").filter((it) => it !== ""),
  };
}

const isThere = (path: string) => access(path).then(() => true, () => false);

test("the unit is written where systemd looks, and started with what was set", async () => {
  const user = await makeUser(WELL, { KUGETSU_OPENCODE: '/o p/100%/"x"' });
  const service = user.service({ state: "/st\\ate", command: ["/a $b/kugetsu", "run", "c$d"] });
  assert.equal(service.path, join(user.home, ".config/systemd/user/kugetsu.service"));
  assert.equal(service.found(), "none");
  assert.deepEqual(await service.install(), { changed: true, lingers: true });
  assert.equal(service.found(), "ours");
  const lines = (await readFile(service.path, "utf8")).split("\n");
  const settings = (name: string) => lines.filter((it) => it.startsWith(`${name}=`));
  assert.deepEqual(settings("ExecStart"), ['ExecStart="/a $b/kugetsu" "run" "c$$d"']);
  assert.deepEqual(settings("Environment"), [
    `Environment="PATH=${user.home}/bin"`,
    'Environment="KUGETSU_HOME=/st\\\\ate"',
    'Environment="KUGETSU_OPENCODE=/o p/100%%/\\"x\\""',
  ]);
  assert.deepEqual(settings("KillMode"), ["KillMode=process"]);
  assert.deepEqual(settings("Restart"), ["Restart=on-failure"]);
  assert.deepEqual(await user.calls(), [
    "systemctl --user daemon-reload",
    `loginctl show-user ${service.user} --property=Linger`,
    "systemctl --user enable --now kugetsu.service",
  ]);
});

test("a second time nothing is written, and XDG_CONFIG_HOME is honoured", async () => {
  const user = await makeUser(WELL, { XDG_CONFIG_HOME: scratch.join("xdg") });
  const service = user.service();
  assert.equal(service.path, scratch.join("xdg/systemd/user/kugetsu.service"));
  assert.equal((await service.install()).changed, true);
  assert.equal((await service.install()).changed, false);
  assert.equal((await user.service({ command: ["/y/kugetsu"] }).install()).changed, true);
});

test("what logind says of lingering, and nothing where it could not be asked", async () => {
  const notIn = "echo 'Failed to get user: User ID 7 is not logged in or lingering' >&2; exit 1";
  const cases: [string, boolean | undefined][] = [
    ["echo Linger=yes", true],
    ["echo Linger=no", false],
    [notIn, false],
    ["echo 'Failed to connect to bus' >&2; exit 1", undefined],
  ];
  for (const [loginctl, lingers] of cases) {
    const user = await makeUser({ ...WELL, loginctl });
    assert.equal((await user.service().install()).lingers, lingers, loginctl);
  }
  const without = await makeUser({ systemctl: WELL.systemctl });
  assert.equal((await without.service().install()).lingers, undefined);
});

test("where the user's systemd does not answer, the unit is there, and why it is not started is told", async () => {
  const user = await makeUser({
    ...WELL,
    systemctl: "echo 'Failed to connect to bus' >&2; exit 1",
  });
  const service = user.service();
  const unreached = "Failed to connect to bus";
  assert.deepEqual(await service.install(), { changed: true, unreached, lingers: true });
  assert.equal(service.found(), "ours");
  const wants = join(dirname(service.path), "default.target.wants", "kugetsu.service");
  await mkdir(dirname(wants));
  await writeFile(wants, "");
  assert.equal(await service.uninstall(), unreached);
  assert.equal(service.found(), "none");
  assert.equal(await isThere(wants), false);
});

test("a unit that cannot be started is an error, with what systemd says of it", async () => {
  const systemctl = '[ "$2" = daemon-reload ] || { echo "Unit is masked." >&2; exit 1; }';
  const user = await makeUser({ ...WELL, systemctl });
  await assert.rejects(user.service().install(), /Cannot start the service: Unit is masked/);
});

test("without systemd nothing is written", async () => {
  const user = await makeUser({});
  const service = user.service();
  await assert.rejects(
    service.install(),
    (error) => error instanceof KugetsuError && error.code === "no-systemd" && error.exit === 5,
  );
  assert.equal(await isThere(service.path), false);
});

test("uninstall ends it, deletes the unit and has systemd read again", async () => {
  const user = await makeUser();
  const service = user.service();
  await service.install();
  assert.equal(await service.uninstall(), undefined);
  assert.equal(await isThere(service.path), false);
  assert.deepEqual((await user.calls()).slice(3), [
    "systemctl --user disable --now kugetsu.service",
    "systemctl --user daemon-reload",
  ]);
});

test("a unit that somebody else wrote is told apart", async () => {
  const user = await makeUser();
  const service = user.service();
  await mkdir(dirname(service.path), { recursive: true });
  await writeFile(service.path, "[Service]\nExecStart=/mine\n");
  assert.equal(service.found(), "foreign");
});
