/**
 * sshd-setup.sh on hosts where people log in already, each with other settings of sshd: passwords are off
 * afterwards and the key works, and --undo brings everything back byte for byte.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { assertKeysOnly, bootHost, changes, HOST, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";

/** An administrator who logs in with a password, as on many rented machines. */
const ADMIN = "useradd -m -s /bin/bash admin; echo admin:correct-horse | chpasswd; " +
  "echo root:correct-horse | chpasswd; cd /etc/ssh; ";
const CONFIRMED = "Confirmed: the settings stay.\n";

interface Start {
  name: string;
  /** Makes the host what it is before. */
  before: string;
  user?: string;
  args?: string[];
  /** Where sshd listens before and afterwards, if not on 22. */
  ports?: [number, number];
  also?(host: Host): Promise<void>;
}

const STARTS: Start[] = [
  {
    name: "cloud-init's drop-in that turns passwords on",
    before: "echo 'PasswordAuthentication yes' >sshd_config.d/50-cloud-init.conf",
  },
  {
    name: "Match blocks that turn passwords and root on",
    before: `printf '%s\\n' 'Match User admin' ' PasswordAuthentication yes' \\
      'Match Address 127.0.0.0/8' ' PermitRootLogin yes' ' KbdInteractiveAuthentication yes' >>sshd_config`,
  },
  {
    name: "an sshd_config without an Include",
    before: "sed -i /^Include/d sshd_config; echo 'PermitRootLogin yes' >>sshd_config",
    async also(host) {
      const first = await host.sh("head -n 1 /etc/ssh/sshd_config");
      assert.equal(first.stdout, "Include /etc/ssh/sshd_config.d/00-kugetsu*.conf\n");
    },
  },
  {
    name: "settings in front of the Include",
    before: "sed -i '1i PasswordAuthentication yes' sshd_config",
  },
  {
    name: "a drop-in that comes before ours, with a port of ours",
    before:
      "printf '%s\\n' 'Match User admin' 'PasswordAuthentication yes' >sshd_config.d/00-aaa.conf",
    args: ["--port", "2222"],
    ports: [22, 2222],
  },
  {
    name: "socket activation",
    before: "systemctl disable ssh.service; systemctl enable ssh.socket",
  },
  {
    name: "socket activation, to another port",
    before: "systemctl disable ssh.service; systemctl enable ssh.socket",
    args: ["--port", "2222"],
    ports: [22, 2222],
    async also(host) {
      assert.equal((await host.login("kugetsu", "true")).code, 255, "nothing listens on 22");
    },
  },
  {
    name: "another port, which stays",
    before: "echo Port 2200 >>sshd_config",
    ports: [2200, 2200],
  },
  {
    name: "AllowUsers and AllowGroups, which others still need",
    before: "printf '%s\\n' 'AllowUsers admin' 'AllowGroups admin' >>sshd_config",
    async also(host) {
      const { stdout } = await host.sh("sshd -T");
      assert.match(stdout, /^allowusers admin$/m);
    },
  },
  {
    name: "an account whose password is locked",
    before: "useradd -m -s /bin/bash ada; passwd -q -l ada",
    user: "ada",
  },
  {
    name: "a home that others may write to",
    before: "useradd -m -s /bin/bash ada; mkdir -m 777 ~ada/.ssh; chmod 775 ~ada; " +
      "touch ~ada/.ssh/authorized_keys; chmod 666 ~ada/.ssh/authorized_keys; chown -R ada: ~ada",
    user: "ada",
    async also(host) {
      const { stdout } = await host.sh("stat -c '%a %U' ~ada ~ada/.ssh ~ada/.ssh/authorized_keys");
      assert.equal(stdout, "755 ada\n755 ada\n644 ada\n");
    },
  },
  {
    name: "keys in a place of their own",
    before:
      "mkdir keys; echo 'AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys' >>sshd_config",
    async also(host) {
      assert.equal((await host.sh("stat -c '%a %U' /etc/ssh/keys/kugetsu")).stdout, "644 root\n");
    },
  },
  {
    name: "algorithms that an administrator chose",
    before: "echo 'KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256' >>sshd_config",
    async also(host) {
      const { stdout } = await host.sh("sshd -T | grep ^kex");
      assert.equal(stdout, "kexalgorithms curve25519-sha256\n");
    },
  },
  {
    name: "a log that is silent about logins",
    before: "echo 'LogLevel QUIET' >>sshd_config",
  },
];

for (const start of STARTS) {
  test(`keys only, starting from ${start.name}`, { skip: needs(...HOST) }, async () => {
    const { user = "kugetsu", args = [], ports: [old, port] = [22, 22] } = start;
    await using host = await bootHost(ADMIN + start.before);
    assert.equal((await host.passwordLogin("admin", old)).code, 0, "the password works before");
    const before = await host.snapshot();

    const given = [user, "--authorized-keys", "/root/key.pub", "--yes", ...args];
    const done = await host.setUp(...given);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /^ {2}shut out .*: root admin$|^ {2}shut out .*: admin$/m);
    assert.match(done.stdout, new RegExp(`ssh -p ${port} ${user}@box\n.*--confirm`));
    assert.match((await host.login(user, "sudo -n id -u", { port })).stdout, /^0$/m);
    const confirm = "sudo sh /var/lib/kugetsu-sshd-setup/sshd-setup.sh --confirm";
    assert.equal((await host.login(user, confirm, { port })).stdout, CONFIRMED);
    await assertKeysOnly(host, ["admin", "root"], port);
    await start.also?.(host);
    assert.match((await host.setUp(...given)).stdout, /^Nothing to change/);

    assert.equal((await host.setUp("--undo")).code, 0);
    assert.deepEqual(changes(before, await host.snapshot()), []);
    assert.equal((await host.passwordLogin("admin", old)).code, 0, "and works again");
  });
}
