/**
 * A Debian that is booted with systemd-nspawn, with a network of its own that has only loopback: its sshd can be
 * reached from tests and from nowhere else. What it writes is in memory, and its mounts are in a namespace of their
 * own, so all of it is gone with the process that holds it, which ends with the test.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../../scripts/_checkout.ts";
import { run, type RunOptions, type RunResult } from "../../scripts/_run.ts";
import { ensureDebian } from "../../scripts/debian.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { until } from "./until.ts";

export const SCRIPT = join(ROOT, "skills", "kugetsu", "scripts", "sshd-setup.sh");
/** Where it lies on a host. */
export const INSIDE = "/root/sshd-setup.sh";
/** What needs() has to find. */
export const HOST = ["linux", "root", "debootstrap", "systemd-nspawn", "ssh", "nspawn"] as const;
export const PASSWORD = "correct-horse";

export interface Host extends AsyncDisposable {
  readonly scratch: Scratch;
  /** Runs a shell script inside, as root. */
  sh(script: string, options?: RunOptions): Promise<RunResult>;
  /** Runs sshd-setup.sh inside, as root. */
  setUp(...args: string[]): Promise<RunResult>;
  /** A login over SSH with the key whose public half is /root/key.pub inside. */
  login(user: string, command: string, options?: LoginOptions): Promise<RunResult>;
  /** The same with the password that users have in tests, by whatever method asks for one. */
  passwordLogin(user: string, port?: number): Promise<RunResult>;
  reboot(): Promise<void>;
  /** A program of this machine in the host's network. */
  nearby(program: string, ...args: string[]): Promise<RunResult>;
  /** Every file that the set-up could touch, with its owner, mode and content, and sshd's units. */
  snapshot(): Promise<string>;
}

export interface LoginOptions extends RunOptions {
  port?: number;
}

const HOLD = `
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cp "$3" "$1/root${INSIDE}"
cp "$4" "$1/root/root/key.pub"
echo box >"$1/root/etc/hostname"
echo 127.0.0.1 localhost box >"$1/root/etc/hosts"
units=$1/root/etc/systemd/system
for timer in "$units"/timers.target.wants/*; do
  ln -s /dev/null "$units/\${timer##*/}" # Nobody else is to write there meanwhile.
done
chroot "$1/root" sh -euc "$5" >&2
boot() {
  systemd-nspawn -q -D "$1/root" --register=no --keep-unit --private-network -b </dev/null >&2 &
  echo $!
}
boot "$1"
while read -r _; do # It has been switched off, and is to come up again.
  wait
  boot "$1"
done
while kill -0 $! 2>/dev/null; do
  kill -KILL $(cat "/proc/$!/task/$!/children") $! 2>/dev/null || :
  sleep 0.1
done
`;

/** Boots one; `before` is run in it as root beforehand, to make it what the test starts from. */
export async function bootHost(before = ""): Promise<Host> {
  const scratch = await makeScratch("host");
  const key = scratch.join("key");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "ada@laptop", "-f", key]);
  const askpass = await scratch.write("askpass", `#!/bin/sh\necho ${PASSWORD}\n`, 0o755);
  const holder = await hold(scratch, before);
  const into = (...spaces: string[]) => ["-t", String(holder.init()), ...spaces];
  const sh = (script: string, options: RunOptions = {}) => {
    const environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/bin", "HOME=/root", "TERM=dumb"];
    const command = [...environment, "sh", "-c", `cd && ${script}`];
    return run("nsenter", [...into("-a"), ...command], { timeoutMs: 120_000, ...options });
  };
  const ssh = (options: string[], target: string, { port = 22, ...rest }: LoginOptions = {}) => {
    const usual = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR"];
    const all = [...usual, "ConnectTimeout=10", "IdentityAgent=none", ...options];
    const args = ["-F", "/dev/null", "-p", String(port), ...all.flatMap((it) => ["-o", it])];
    const [at, ...command] = target.split(/ (.*)/s);
    const call = [...into("-n"), "ssh", ...args, `${at}@127.0.0.1`, ...command.slice(0, 1)];
    return run("nsenter", call, { timeoutMs: 60_000, ...rest });
  };
  const host: Host = {
    scratch,
    sh,
    setUp: (...args) => sh(`sh ${INSIDE} ${args.map((it) => `'${it}'`).join(" ")}`),
    login: (user, command, options) =>
      ssh(["BatchMode=yes", `IdentityFile=${key}`], `${user} ${command}`, options),
    passwordLogin: (user, port) =>
      ssh(["PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"], `${user} true`, {
        port,
        env: { PATH: "/usr/bin:/bin", SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" },
      }),
    nearby: (program, ...args) => run("nsenter", [...into("-n"), program, ...args]),
    async reboot() {
      await sh("systemctl reboot");
      await holder.restart();
      await booted(sh);
    },
    snapshot: async () => (await sh(SNAPSHOT)).stdout,
    [Symbol.asyncDispose]: async () => {
      await holder.end();
      await scratch[Symbol.asyncDispose]();
    },
  };
  await booted(sh).catch(async (error) => {
    await host[Symbol.asyncDispose]();
    throw error;
  });
  return host;
}

function booted(sh: Host["sh"]): Promise<void> {
  return until("the host has booted", async () => {
    const state = await sh("systemctl is-system-running --wait").catch(() => undefined);
    return /^(?:running|degraded)$/m.test(state?.stdout ?? "");
  });
}

const SNAPSHOT = `
find /etc /home /root /var/mail /var/lib /usr/local \\( -path /var/lib/systemd -o -path /var/lib/dpkg \\) -prune -o \\
  ! -name '*-' ! -name .pwd.lock ! -path ${INSIDE} -printf '%p %y %m %u %g %l\\n' | sort
find /etc /home /root /usr/local -type f ! -name '*-' -exec sha256sum {} + | sort
systemctl is-enabled ssh.service ssh.socket
systemctl is-active ssh.socket || systemctl is-active ssh.service
mkdir -p /run/sshd
systemctl show --property=Id,ActiveState,NextElapseUSecRealtime,NextElapseUSecMonotonic 'kugetsu*.timer'
sshd -T`;

/** Refused are passwords of these users, by either method, and root even with a key. */
export async function assertKeysOnly(host: Host, users: string[], port = 22): Promise<void> {
  for (const user of users) {
    const { code, stderr } = await host.passwordLogin(user, port);
    assert.equal(code, 255, `${user} with a password`);
    assert.match(stderr, /Permission denied \(publickey\)/);
  }
  await host.sh("mkdir -p .ssh && cat key.pub >>.ssh/authorized_keys");
  const root = await host.login("root", "true", { port });
  assert.match(root.stderr, /Permission denied \(publickey\)/);
  await host.sh("rm .ssh/authorized_keys");
}

/** What differs between two snapshots: "- line" is gone, "+ line" is new. */
export function changes(before: string, after: string): string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}

interface Holder {
  /** The number of the host's first process, seen from here. */
  init(): number;
  /** Waits until it is off, and switches it on again. */
  restart(): Promise<void>;
  end(): Promise<void>;
}

async function hold(scratch: Scratch, before: string): Promise<Holder> {
  const root = scratch.join("host");
  execFileSync("mkdir", [root]);
  const files = [root, await ensureDebian(), SCRIPT, scratch.join("key.pub")];
  const command = ["--mount", "--propagation", "private", "sh", "-c", HOLD, "hold", ...files];
  const child = spawn("unshare", [...command, before], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => said += chunk);
  const ended = once(child, "close");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  let init = 0;
  const find = async () => {
    const line = await Promise.race([lines.next(), ended.then(() => ({ value: undefined }))]);
    if (!line.value) throw new Error(`The host could not be made ready: ${said}`);
    await until("the host has a first process", async () => {
      if (child.exitCode !== null) throw new Error(`systemd-nspawn ended: ${said.slice(-2000)}`);
      init = await initOf(Number(line.value));
      return init > 0;
    });
  };
  await find();
  return {
    init: () => init,
    restart() {
      child.stdin.write("again\n");
      return find();
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** The child that is number 1 of a namespace of its own; before it there is one that only prepares. */
async function initOf(nspawn: number): Promise<number> {
  const read = (path: string) => readFile(path, "utf8").catch(() => "");
  const children = (await read(`/proc/${nspawn}/task/${nspawn}/children`)).split(" ");
  for (const child of children) {
    if (/^NSpid:.*\t1$/m.test(await read(`/proc/${child}/status`))) return Number(child);
  }
  return 0;
}
