import { test } from "node:test";
import assert from "node:assert/strict";
import { serviceInstall, serviceUninstall } from "../../src/commands/service.ts";
import { errors, EXIT } from "../../src/errors.ts";
import type { InstalledService, Service, ServiceFound } from "../../src/installation/mod.ts";
import type { Supervisor } from "../../src/supervisor/mod.ts";
import { makeStage } from "../support/fakes.ts";
import { assertFits } from "../support/json_schema.ts";

function stage(
  found: ServiceFound,
  installed: Partial<InstalledService> = {},
  supervisor: Partial<Supervisor> = {},
) {
  return makeStage((did) => ({
    service: {
      path: "/unit",
      user: "ada",
      found: () => found,
      install() {
        did("install");
        return Promise.resolve({ changed: true, lingers: true, ...installed });
      },
      uninstall() {
        did("uninstall");
        return Promise.resolve(installed.unreached);
      },
    } satisfies Service,
    supervisor: {
      shutdown({ turns }) {
        did(`end the supervisor, turns: ${turns}`);
        return Promise.resolve(true);
      },
      wake() {
        did("wake");
        return Promise.resolve(false);
      },
      ...supervisor,
    },
  }));
}

test("install says what it wrote, and nothing else where all is well", async () => {
  const { context, stderr, results } = stage("none");
  assert.equal(await serviceInstall(context), EXIT.ok);
  assert.deepEqual(stderr, ["note Wrote /unit"]);
  assert.deepEqual(results, [{ unit: "/unit", changed: true, enabled: true, lingers: true }]);
  await assertFits("service", results[0]);
});

test("lingering that is off is told with the command that turns it on", async () => {
  const { context, stderr, results } = stage("ours", { changed: false, lingers: false });
  assert.equal(await serviceInstall(context), EXIT.ok);
  assert.equal(stderr[0], "note /unit is up to date.");
  assert.match(stderr[1]!, /^warn Lingering is off: .*: sudo loginctl enable-linger ada$/);
  assert.equal((results[0] as { lingers: boolean }).lingers, false);
});

test("a systemd that does not answer is told with the commands that are left to do", async () => {
  const { context, stderr, results } = stage("none", { unreached: "no bus", lingers: undefined });
  assert.equal(await serviceInstall(context), EXIT.ok);
  assert.match(stderr[1]!, /^warn .*\(no bus\).*enable --now kugetsu\.service$/);
  assert.deepEqual(results, [{ unit: "/unit", changed: true, enabled: false, lingers: null }]);
  await assertFits("service", results[0]);
});

test("a unit that was renewed does not touch a supervisor that runs, and says so", async () => {
  const { context, stderr, effects } = stage("ours");
  await serviceInstall(context);
  assert.match(stderr[1]!, /kugetsu supervisor restart$/);
  assert.deepEqual(effects, ["install"]);
});

test("a unit of somebody else is neither written nor removed", async () => {
  for (const command of [serviceInstall, serviceUninstall]) {
    const { context, effects } = stage("foreign");
    await assert.rejects(command(context), { code: "service-foreign", exit: EXIT.refused });
    assert.deepEqual(effects, []);
  }
});

test("uninstall has the supervisor end by itself first, and what is left taken up again", async () => {
  const { context, effects, results } = stage("ours");
  assert.equal(await serviceUninstall(context), EXIT.ok);
  assert.deepEqual(effects, ["end the supervisor, turns: leave", "uninstall", "wake"]);
  await assertFits("service", results[0]);
});

test("uninstall is refused where a turn would be lost with it", async () => {
  const shutdown = () => Promise.reject(errors.supervisorBusy(1, []));
  const { context, effects } = stage("ours", {}, { shutdown });
  await assert.rejects(serviceUninstall(context), { code: "supervisor-busy" });
  assert.deepEqual(effects, []);
});

test("uninstall of what is not there is no error", async () => {
  const { context, effects, results } = stage("none");
  assert.equal(await serviceUninstall(context), EXIT.ok);
  assert.deepEqual([effects, results], [[], [{ unit: "/unit", removed: false }]]);
  await assertFits("service", results[0]);
});
