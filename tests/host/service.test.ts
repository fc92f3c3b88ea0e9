/** `kugetsu service` with the systemd of a user who logs in over SSH. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { EXECUTABLE } from "../../scripts/_checkout.ts";
import { bootHost, HOST } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { until } from "../support/until.ts";

test("the service keeps a supervisor running until it is uninstalled", {
  skip: needs(...HOST),
}, async () => {
  await using host = await bootHost("systemctl disable ssh && rm /etc/ssh/ssh_host_*");
  assert.equal((await host.setUp("--authorized-keys", "/root/key.pub")).code, 0);
  const copy =
    "mkdir -p ~/.local/bin && cat >~/.local/bin/kugetsu && chmod +x ~/.local/bin/kugetsu";
  const input = await readFile(EXECUTABLE);
  assert.equal((await host.login("kugetsu", copy, { input })).code, 0);
  const kugetsu = (args: string) => host.login("kugetsu", `~/.local/bin/kugetsu ${args}`);
  const main = async () =>
    Number(
      (await host.login("kugetsu", "systemctl --user show kugetsu --property=MainPID --value"))
        .stdout,
    );
  const serves = async () => {
    const { stdout } = await kugetsu("supervisor status --json");
    const { pid } = JSON.parse(stdout);
    return pid !== undefined && pid === await main();
  };

  const { stderr } = await kugetsu("service install");
  assert.match(stderr, /Lingering is off: .*sudo loginctl enable-linger kugetsu/);
  await until("systemd's supervisor serves", serves);
  await host.login("kugetsu", "sudo loginctl enable-linger kugetsu");
  const again = JSON.parse((await kugetsu("service install --json")).stdout);
  assert.deepEqual([again.changed, again.enabled, again.lingers], [false, true, true]);

  const before = await main();
  await host.login("kugetsu", "systemctl --user kill --signal=KILL kugetsu");
  await until("there is another one", async () => await serves() && await main() !== before);
  assert.equal((await kugetsu("service uninstall")).code, 0);
  assert.equal((await kugetsu("supervisor status")).code, 3);

  assert.equal((await kugetsu("service install")).code, 0);
  await until("it serves once more", serves);
  const gone = await kugetsu("uninstall -y");
  assert.equal(gone.code, 0, gone.stderr);
  const look = "ls ~/.config/systemd/user/kugetsu.service ~/.local/bin/kugetsu; pgrep -x kugetsu";
  assert.equal((await host.login("kugetsu", look)).stdout, "");
});
