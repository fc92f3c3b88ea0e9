/** sshd-setup.sh on a container that nobody has logged in to yet: booted for real, reached over SSH. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { declaredVersion, EXECUTABLE } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { assertKeysOnly, bootHost, changes, HOST, SCRIPT } from "../support/host.ts";
import { needs } from "../support/needs.ts";

const skip = needs(...HOST);
const NO_SSHD = "systemctl disable ssh && rm /etc/ssh/ssh_host_*";

test("a fresh container is set up without a key and says how to add one", { skip }, async () => {
  await using host = await bootHost(NO_SSHD);
  const before = await host.snapshot();
  const { stdout, code } = await host.setUp();
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ {2}account +make kugetsu/m);
  assert.match(stdout, /^ {2}sudo +kugetsu becomes root without a password, .*--no-sudo/m);
  assert.match(stdout, /Next, with your own public key:\n {2}echo .* >>\/home\/kugetsu\/.ssh/);
  assert.match((await host.login("kugetsu", "true")).stderr, /Permission denied \(publickey\)/);
  await host.sh("cat key.pub >>/home/kugetsu/.ssh/authorized_keys");
  assert.equal((await host.login("kugetsu", "sudo -n id -u")).stdout, "0\n");
  const changedOn = (await host.sh("getent shadow root | cut -d: -f3")).stdout.trim();
  await host.sh("echo root:correct-horse | chpasswd; echo kugetsu:correct-horse | chpasswd");
  await assertKeysOnly(host, ["kugetsu", "root"]);

  await host.sh(`usermod -p '*' root && chage -d ${changedOn} root`);
  const undone = await host.setUp("--undo");
  assert.equal(undone.stdout, "To be taken back, all that was set up for:\n  kugetsu\nUndone.\n");
  assert.deepEqual(changes(before, await host.snapshot()), []);
});

test("kugetsu is copied and used through the login", { skip }, async () => {
  await using host = await bootHost(NO_SSHD);
  assert.equal((await host.setUp("--authorized-keys", "/root/key.pub")).code, 0);
  const copy =
    "mkdir -p ~/.local/bin && cat >~/.local/bin/kugetsu && chmod +x ~/.local/bin/kugetsu";
  const executable = await readFile(EXECUTABLE);
  assert.equal((await host.login("kugetsu", copy, { input: executable })).code, 0);
  const version = await host.login("kugetsu", "~/.local/bin/kugetsu --version");
  assert.equal(version.stdout, `kugetsu ${await declaredVersion()}\n`);
  const list = await host.login("kugetsu", "~/.local/bin/kugetsu list --json");
  assert.deepEqual(JSON.parse(list.stdout), { base: null, bases: [], sessions: [] });
  assert.match((await host.login("kugetsu", "~/.local/bin/kugetsu list")).stderr, /kugetsu init/);
  // An account that somebody works in is not deleted.
  assert.match((await host.setUp("--undo")).stdout, /Kept the user kugetsu and "\/home\/kugetsu"/);
  assert.equal((await host.sh("stat -c %s /home/kugetsu/.local/bin/kugetsu")).code, 0);
});

test("a second run changes nothing and says so, and --dry-run never does", { skip }, async () => {
  await using host = await bootHost(NO_SSHD);
  const untouched = await host.snapshot();
  const dry = await host.setUp("--authorized-keys", "/root/key.pub", "--dry-run");
  assert.match(dry.stdout, /^ {2}keys .*1 new.*^Nothing was changed\.$/ms);
  assert.deepEqual(changes(untouched, await host.snapshot()), []);

  const options = ["ada", "--authorized-keys", "/root/key.pub", "--port", "2222", "--no-sudo"];
  assert.equal((await host.setUp(...options)).code, 0);
  const done = await host.snapshot();
  assert.match((await host.setUp(...options)).stdout, /^Nothing to change: ada can log in/);
  assert.match((await host.setUp("ada", "--no-sudo")).stdout, /^Nothing to change: /);
  assert.deepEqual(changes(done, await host.snapshot()), []);
  assert.equal((await host.login("ada", "sudo -n true", { port: 2222 })).code, 1);
  assert.equal((await host.login("ada", "true")).code, 255, "nothing listens on 22");
});

test(
  "a key that is there in a comment, or until a day, is given all the same",
  { skip },
  async () => {
    for (const start of ["# ", 'expiry-time="20200101" ']) {
      await using host = await bootHost(
        `${NO_SSHD}; useradd -m -s /bin/bash kugetsu; cd ~kugetsu; install -d -o kugetsu .ssh
       { printf '${start}'; cat /root/key.pub; } >.ssh/authorized_keys; chown kugetsu: .ssh/*`,
      );
      const keyless = await host.setUp();
      assert.match(keyless.stdout, /^kugetsu has no key yet/m);
      const again = await host.setUp();
      assert.match(again.stdout, /^Nothing to change\.\nkugetsu has no key yet/);
      const given = await host.setUp("--authorized-keys", "/root/key.pub");
      assert.match(given.stdout, /^ {2}keys .*: 1 new/m);
      assert.equal((await host.login("kugetsu", "true")).code, 0);
      const same = await host.setUp("--authorized-keys", "/root/key.pub");
      assert.match(same.stdout, /^Nothing to change: kugetsu can log in/);
    }
  },
);

test("several users have a sudo rule each, and --undo takes all of it back", { skip }, async () => {
  await using host = await bootHost(NO_SSHD);
  const before = await host.snapshot();
  assert.equal((await host.setUp("--authorized-keys", "/root/key.pub")).code, 0);
  // sudo would pass over a file with a dot in its name.
  assert.equal((await host.setUp("jane.doe", "--authorized-keys", "/root/key.pub")).code, 0);
  for (const user of ["kugetsu", "jane.doe"]) {
    assert.equal((await host.login(user, "sudo -n id -u")).stdout, "0\n", user);
  }
  assert.equal((await host.setUp("jane.doe", "--no-sudo")).code, 0);
  assert.equal((await host.login("jane.doe", "sudo -n true")).code, 1);
  assert.equal((await host.setUp("--undo")).code, 0);
  assert.deepEqual(changes(before, await host.snapshot()), []);
});

test("ssh-audit has no failure to report", { skip: needs(...HOST, "ssh-audit") }, async () => {
  await using host = await bootHost();
  const fails = async () => (await host.nearby("ssh-audit", "127.0.0.1")).stdout.match(/\[fail\]/g);
  assert.notEqual(await fails(), null, "Debian's own settings have some");
  assert.equal((await host.setUp()).code, 0);
  assert.match((await host.nearby("ssh-audit", "127.0.0.1")).stdout, /ssh-ed25519/);
  assert.equal(await fails(), null);
});

test("the script has no findings of shellcheck", { skip: needs("shellcheck") }, async () => {
  assert.equal((await run("shellcheck", [SCRIPT])).stdout, "");
});

test("cut off anywhere, the script does nothing", { skip: needs("dash") }, async () => {
  const text = await readFile(SCRIPT, "utf8");
  assert.match(text, /\nmain "\$@"\n$/);
  for (let end = 0; end < text.length - 'main "$@"\n'.length; end += 53) {
    const input = text.slice(0, end);
    const cut = await run("env", ["-i", "PATH=/nowhere", "/bin/dash", "-s", "--", "--help"], {
      input,
    });
    assert.equal(cut.stdout, "", `${end} bytes`);
  }
});
