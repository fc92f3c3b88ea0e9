/** What becomes of settings that nobody confirms, of a run that is cut off, and of files that were changed since. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { rounds } from "../support/rounds.ts";
import { bootHost, changes, HOST, type Host, INSIDE } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { until } from "../support/until.ts";

const skip = needs(...HOST);
const ADMIN = "useradd -m -s /bin/bash admin; echo admin:correct-horse | chpasswd; " +
  "systemctl mask apt-daily.timer apt-daily-upgrade.timer";
const KEY = ["--authorized-keys", "/root/key.pub", "--yes"];
const KEPT = "/var/lib/kugetsu-sshd-setup/sshd-setup.sh";

async function passwordsWork(host: Host): Promise<boolean> {
  return (await host.passwordLogin("admin")).code === 0;
}

test("settings that nobody confirms go back by themselves", { skip }, async () => {
  await using host = await bootHost(ADMIN);
  const before = await host.snapshot();
  const done = await host.setUp(...KEY, "--confirm-within", "4");
  assert.match(done.stdout, /^Set up, for 4 seconds: /m);
  assert.equal(await passwordsWork(host), false);
  await until("the password works again", () => passwordsWork(host));
  await until(
    "the way back is over",
    async () => (await host.sh("! ls -d /var/lib/kug*")).code === 0,
  );
  assert.deepEqual(changes(before, await host.snapshot()), []);
  const journal = await host.sh("journalctl -q -o cat -u kugetsu-sshd-rollback");
  assert.match(journal.stdout, /Nobody confirmed the settings in time/);
});

test(
  "settings stay once a login has been confirmed, and not before there was one",
  { skip },
  async () => {
    await using host = await bootHost(ADMIN);
    assert.equal((await host.setUp(...KEY, "--confirm-within", "8")).code, 0);
    const early = await host.sh(`sh ${INSIDE} --confirm`);
    assert.match(early.stderr, /nobody has logged in as kugetsu.*\n {2}try: ssh -p 22 kugetsu@box/);
    assert.equal(early.code, 9);
    const second = await host.setUp("bob", ...KEY);
    assert.match(second.stderr, /waits for a login as kugetsu\n {2}try: .*--confirm/);
    assert.equal(second.code, 4);

    assert.equal((await host.login("kugetsu", `sudo sh ${KEPT} --confirm`)).code, 0);
    await new Promise((later) => setTimeout(later, 9000));
    assert.equal(await passwordsWork(host), false);
    assert.equal((await host.login("kugetsu", "true")).code, 0);
    assert.equal((await host.sh("ls /etc/systemd/system/kugetsu*")).stdout, "");
  },
);

test("--confirm --dry-run only looks", { skip }, async () => {
  await using host = await bootHost(ADMIN);
  assert.equal((await host.setUp(...KEY)).code, 0);
  assert.equal((await host.setUp("--confirm", "--dry-run")).code, 9, "nobody has logged in");
  assert.equal((await host.login("kugetsu", "true")).code, 0);
  const waiting = await host.snapshot();
  const dry = await host.setUp("--confirm", "--dry-run");
  assert.equal(dry.stdout, "kugetsu has logged in with a key.\nNothing was changed.\n");
  assert.equal((await host.setUp("--rollback", "--dry-run")).code, 0);
  assert.deepEqual(changes(waiting, await host.snapshot()), []);
  assert.equal((await host.setUp("--confirm")).stdout, "Confirmed: the settings stay.\n");
});

test("a reboot does not make unconfirmed settings stay", { skip }, async () => {
  await using host = await bootHost(ADMIN);
  assert.equal((await host.setUp(...KEY, "--confirm-within", "5")).code, 0);
  await host.reboot();
  await until("the password works again", () => passwordsWork(host));
  await until("it is over", async () => (await host.sh("! ls -d /var/lib/kug*")).code === 0);
  assert.equal((await host.sh("getent passwd kugetsu")).code, 2);
});

test("without sudo, the administrator's own session confirms", { skip }, async () => {
  await using host = await bootHost(
    `${ADMIN}; usermod -aG sudo admin; install -d -o admin ~admin/.ssh; cp /root/key.pub ~admin/.ssh/authorized_keys`,
  );
  const done = await host.setUp(...KEY, "--no-sudo");
  assert.match(done.stdout, /when that worked, here: sh .* --confirm/);
  assert.equal((await host.login("kugetsu", "true")).code, 0);
  assert.equal((await host.sh(`sh ${KEPT} --confirm`)).stdout, "Confirmed: the settings stay.\n");
});

test("a second run's way back leads to the first run, not before it", { skip }, async () => {
  await using host = await bootHost(ADMIN);
  assert.equal((await host.setUp(...KEY)).code, 0);
  assert.equal((await host.login("kugetsu", `sudo sh ${KEPT} --confirm`)).code, 0);
  const first = await host.snapshot();
  const second = await host.setUp(...KEY, "--port", "2222", "--confirm-within", "3");
  assert.equal(second.code, 0, second.stderr);
  assert.equal((await host.login("kugetsu", "true", { port: 2222 })).code, 0);
  await until("port 22 is back", async () => (await host.login("kugetsu", "true")).code === 0);
  await until(
    "it is over",
    async () => (await host.sh("! ls /etc/systemd/system/kug*")).code === 0,
  );
  assert.deepEqual(changes(first, await host.snapshot()), []);
});

test("a run that is killed anywhere leaves what the next one takes back", { skip }, async () => {
  const pauses = rounds(4, 60);
  for (let count = 0; count < pauses; count++) {
    await using host = await bootHost(ADMIN);
    const before = await host.snapshot();
    const seconds = (0.1 + 2.2 * count / pauses).toFixed(2);
    await host.sh(`{ sh ${INSIDE} ${KEY.join(" ")} & } >out 2>&1; sleep ${seconds}; kill -KILL $!`);
    await host.sh("rm out");
    const undone = await host.setUp("--undo", "--yes");
    assert.equal(undone.code, 0, `killed after ${seconds} s: ${undone.stderr}`);
    assert.deepEqual(changes(before, await host.snapshot()), [], `killed after ${seconds} s`);
    assert.equal(await passwordsWork(host), true);
    const again = await host.setUp(...KEY);
    assert.equal(again.code, 0, `and again after ${seconds} s: ${again.stderr}`);
  }
});

test("--undo keeps what others changed since", { skip }, async () => {
  await using host = await bootHost("sed -i /^Include/d /etc/ssh/sshd_config");
  assert.equal((await host.setUp(...KEY)).code, 0);
  await host.sh(`cd /etc/ssh && echo 'Port 2200' >>sshd_config.d/00-kugetsu.conf
    echo '# mine' >>sshd_config; echo 'kugetsu ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers.d/kugetsu-kugetsu
    echo 'ssh-ed25519 AAAA eve' >>/home/kugetsu/.ssh/authorized_keys`);
  const { stdout } = await host.setUp("--undo");
  assert.match(stdout, /^Kept what was changed in "\/etc\/ssh\/sshd_config.d\/00-kugetsu.conf"/m);
  const sshd = await host.sh("cat /etc/ssh/sshd_config");
  assert.doesNotMatch(sshd.stdout, /kugetsu/);
  assert.match(sshd.stdout, /^# mine$/m);
  const { stdout: rules } = await host.sh("sudo -l -U kugetsu");
  assert.doesNotMatch(rules, /NOPASSWD/);
});
