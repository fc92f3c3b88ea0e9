/** Hosts on which sshd-setup.sh must not go on: a clear reason, what to do, and nothing changed. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { bootHost, changes, HOST, INSIDE } from "../support/host.ts";
import { needs } from "../support/needs.ts";

const skip = needs(...HOST);
const ADMIN = "useradd -m -s /bin/bash admin; echo admin:correct-horse | chpasswd; cd /etc/ssh; ";
const ADA = "useradd -m -s /bin/bash ada; passwd -q -l ada; ";
const KEY = ["--authorized-keys", "/root/key.pub", "--yes"];

interface Refusal {
  name: string;
  /** Makes the host what it is. */
  before?: string;
  /** Runs once it has booted. */
  meanwhile?: string;
  args: string[];
  code: 5 | 9;
  says: RegExp;
}

const REFUSALS: Refusal[] = [
  {
    name: "people log in and no key is given",
    args: ["--yes"],
    code: 9,
    says: /kugetsu has no key, and sshd serves logins.*\n.*--authorized-keys/,
  },
  {
    name: "people log in and the only key runs a command of its own",
    before: `${ADA}install -d -o ada ~ada/.ssh; { printf 'command="exit" '; cat /root/key.pub; } \\
      >~ada/.ssh/authorized_keys; chown ada: ~ada/.ssh/authorized_keys`,
    args: ["ada", "--yes"],
    code: 9,
    says: /ada has no key/,
  },
  {
    name: "people log in and the key that is given runs a command of its own there",
    before: `${ADA}install -d -o ada ~ada/.ssh; { printf 'command="exit" '; cat /root/key.pub; } \\
      >~ada/.ssh/authorized_keys; chown ada: ~ada/.ssh/authorized_keys`,
    args: ["ada", ...KEY],
    code: 9,
    says: /line 1 .*: "\/home\/ada\/.ssh\/authorized_keys" has it with a command/,
  },
  {
    name: "people log in and nobody is there to be asked",
    args: ["--authorized-keys", "/root/key.pub"],
    code: 9,
    says: /without being told to\n.*--yes/,
  },
  {
    name: "nobody could become root any more",
    args: [...KEY, "--no-sudo"],
    code: 9,
    says: /nobody who has a key could become root/,
  },
  {
    name: "the account is locked and sshd minds",
    before: `${ADA}echo 'UsePAM no' >sshd_config.d/50-pam.conf`,
    args: ["ada", ...KEY],
    code: 9,
    says: /User ada not allowed because account is locked/,
  },
  {
    name: "the account has expired",
    before: `${ADA}chage -E 1 ada`,
    args: ["ada", ...KEY],
    code: 9,
    says: /Access denied for user ada by PAM account configuration.*\n.*chage -l ada/,
  },
  {
    name: "the account has no shell",
    before: `${ADA}usermod -s /usr/sbin/nologin ada`,
    args: ["ada", ...KEY],
    code: 9,
    says: /This account is currently not available/,
  },
  {
    name: "the account has a shell that says nothing",
    before: `${ADA}usermod -s /bin/false ada`,
    args: ["ada", ...KEY],
    code: 9,
    says: /with the new settings: its shell "\/bin\/false" said nothing \(status 1\)/,
  },
  {
    name: "the account may only copy files",
    before: `${ADA}printf '%s\\n' 'Match User ada' 'ForceCommand internal-sftp' >>sshd_config`,
    args: ["ada", ...KEY],
    code: 9,
    says: /Cannot log in as ada with the new settings/,
  },
  {
    name: "the settings keep the user out",
    before: "echo 'DenyUsers kugetsu' >>sshd_config",
    args: KEY,
    code: 9,
    says: /User kugetsu from 127.0.0.1 not allowed because listed in DenyUsers/,
  },
  {
    name: "the settings want a second factor",
    before: "echo 'AuthenticationMethods publickey,password' >>sshd_config",
    args: KEY,
    code: 9,
    says: /Disabled method "password" in AuthenticationMethods/,
  },
  {
    name: "another account owns the home",
    before: `${ADA}chown -R admin: ~ada`,
    args: ["ada", ...KEY],
    code: 5,
    says: /Cannot make "\/home\/ada\/.ssh"/,
  },
  {
    name: "sshd's settings are broken already",
    meanwhile: "echo 'Nonsense yes' >>/etc/ssh/sshd_config",
    args: KEY,
    code: 5,
    says: /as they are: \/etc\/ssh\/sshd_config: line \d+: .*: Nonsense/,
  },
  {
    name: "the port is set elsewhere",
    before: "echo 'ListenAddress 0.0.0.0:22' >>sshd_config",
    args: [...KEY, "--port", "2222"],
    code: 9,
    says: /Cannot set port 2222: .*ListenAddress/,
  },
  {
    name: "another program has the port",
    meanwhile: "systemd-socket-activate -l 127.0.0.1:2222 /bin/true >/dev/null 2>&1 & sleep 0.5",
    args: [...KEY, "--port", "2222"],
    code: 9,
    says: /Cannot listen on port 2222: .*Address already in use/,
  },
  {
    name: "sshd does not run as a unit",
    before: "systemctl disable ssh.service",
    meanwhile: "mkdir -p /run/sshd; /usr/sbin/sshd",
    args: KEY,
    code: 9,
    says: /an sshd runs outside of systemd \(pid \d+\)/,
  },
  {
    name: "sudo reads no folder",
    before: "sed -i /includedir/d /etc/sudoers",
    args: KEY,
    code: 9,
    says: /Cannot log in as kugetsu.*password is required/,
  },
  {
    name: "it is an account of the system",
    args: ["www-data", ...KEY],
    code: 9,
    says: /account of the system/,
  },
];

for (const { name, before = "", meanwhile, args, code, says } of REFUSALS) {
  test(`nothing changes where ${name}`, { skip }, async () => {
    await using host = await bootHost(ADMIN + before);
    if (meanwhile) await host.sh(meanwhile);
    const untouched = await host.snapshot();
    const { stderr, ...refused } = await host.setUp(...args);
    assert.match(stderr, says);
    assert.match(stderr, /^error: .*\n {2}try: .+\n$/);
    assert.equal(refused.code, code);
    assert.deepEqual(changes(untouched, await host.snapshot()), []);
  });
}

test("an sshd that is on its way up is waited for", { skip }, async () => {
  const unit = "/etc/systemd/system/ssh.service.d";
  const slow = "[Service]\\nExecStartPost=/bin/sleep 3\\n";
  const before = `install -d ${unit}; printf '${slow}' >${unit}/slow.conf`;
  await using host = await bootHost(ADMIN + before);
  await host.sh("systemctl --no-block restart ssh.service; sleep 1");
  const { code, stderr } = await host.setUp("--authorized-keys", "/root/key.pub");
  assert.match(stderr, /without being told to\n.*--yes/);
  assert.equal(code, 9);
});

test("other systems are refused, and nothing changes there", { skip }, async () => {
  await using host = await bootHost();
  for (const system of ["ID=fedora", "ID=alpine", 'ID="rhel"\nID_LIKE="fedora"']) {
    await host.sh(`rm /etc/os-release; printf '%s\\n' '${system}' >/etc/os-release`);
    const untouched = await host.snapshot();
    const { code, stderr } = await host.setUp();
    assert.equal(code, 5, system);
    assert.match(stderr, /only Debian and Ubuntu are supported/);
    assert.deepEqual(changes(untouched, await host.snapshot()), []);
  }
  // What a derivative says of itself.
  await host.sh("printf 'ID=mint\\nID_LIKE=\"ubuntu debian\"\\n' >/etc/os-release");
  assert.equal((await host.setUp("--dry-run")).code, 0);
});

test("without systemd, root or sshd it says what is missing", { skip }, async () => {
  await using host = await bootHost();
  const untouched = await host.snapshot();
  const asNobody = await host.sh(`cp ${INSIDE} /tmp; runuser -u nobody -- sh /tmp/sshd-setup.sh`);
  assert.match(asNobody.stderr, /needs root\n {2}try: sudo sh/);
  const noSystemd = await host.sh(
    `unshare --mount sh -c 'mount -t tmpfs none /run; sh ${INSIDE}'`,
  );
  assert.match(noSystemd.stderr, /systemd does not run here/);
  const noSshd = await host.sh(
    `unshare --mount sh -c 'mount -t tmpfs none /usr/sbin; sh ${INSIDE}'`,
  );
  assert.match(noSshd.stderr, /Cannot find sshd\n {2}try: apt-get .* openssh-server/);
  for (const { code } of [asNobody, noSystemd, noSshd]) assert.equal(code, 5);
  assert.deepEqual(changes(untouched, await host.snapshot()), []);
});

test("where a home or a group has the name already, the advice helps", { skip }, async () => {
  for (const before of ["mkdir /home/kugetsu; touch /home/kugetsu/work", "groupadd kugetsu"]) {
    await using host = await bootHost(before);
    const untouched = await host.snapshot();
    const refused = await host.setUp(...KEY);
    assert.match(refused.stderr, /^error: Cannot make the user "kugetsu": /);
    assert.equal(refused.code, 9);
    assert.deepEqual(changes(untouched, await host.snapshot()), []);
    const [, advice = ""] = /^ {2}try: (.*)$/m.exec(refused.stderr) ?? [];
    assert.equal((await host.sh(advice)).code, 0, advice);
    const done = await host.setUp(...KEY);
    assert.equal(done.code, 0, done.stderr);
    assert.equal((await host.login("kugetsu", "id -un")).stdout, "kugetsu\n");
  }
});

test("what cannot be meant is refused with 2", { skip }, async () => {
  await using host = await bootHost(
    "ssh-keygen -q -t ed25519 -N '' -f /root/id; echo oops >/root/junk",
  );
  const untouched = await host.snapshot();
  const wrong: [string[], RegExp][] = [
    [["root"], /Cannot set up root/],
    [["Ada"], /Cannot use "Ada" as a user's name/],
    [["../x"], /Cannot use "..\/x"/],
    [["ada", "bob"], /Cannot take a second user, "bob"/],
    [["--port", "70000"], /Cannot use "70000" as a port/],
    [["--port"], /--port needs a value/],
    [["--confirm-within=soon"], /Cannot wait for "soon"/],
    [["--sudo"], /Cannot understand "--sudo"/],
    [["--undo", "--confirm"], /Cannot --confirm and --undo in one run/],
    [["--undo", "ada"], /--undo takes back everything/],
    [["--authorized-keys", "/root/id"], /is a private key\n.*id.pub/],
    [["--authorized-keys", "/root/junk"], /line 1 is no public key/],
  ];
  for (const [args, says] of wrong) {
    const { code, stderr } = await host.setUp(...args);
    assert.match(stderr, says);
    assert.equal(code, 2, args.join(" "));
  }
  assert.match(
    (await host.setUp("--authorized-keys", "/none")).stderr,
    /Cannot read a key in "\/none"/,
  );
  assert.deepEqual(changes(untouched, await host.snapshot()), []);
});
