/**
 * What a test needs beyond Node, npm and git: `test("…", { skip: needs("tmux") }, …)`.
 *
 * `needs` gives false when it is there, and otherwise the reason to skip, which the runner (scripts/test.ts)
 * names at the end: deno keeps no reason itself, so it is left in the file KUGETSU_SKIPS, with the place of
 * the call. Under KUGETSU_NO_SKIP=1 it throws instead. Only what no package can bring, because the kernel
 * forbids it or the other engine is what is tested, may still be skipped then.
 */
import { execFileSync } from "node:child_process";
import { accessSync, appendFileSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

interface Need {
  reason: string;
  /** The Debian package that brings it. */
  package?: string;
  /** True where nothing that is installed could help. */
  kernel?: boolean;
  isThere(): boolean;
}

/** One line of the file KUGETSU_SKIPS. */
export interface SkipReason {
  /** The URL of the test file, and the line that called needs(). */
  file: string;
  line: number;
  reason: string;
  packages: string[];
  kernel: boolean;
}

/** This machine's own programs in a container that is switched off as soon as it has come up. */
const BOOT_AND_GO = [
  ...["systemd-nspawn", "--quiet", "--directory=/", "--volatile=yes", "--private-network"],
  ...["--register=no", "--keep-unit", "--boot", "systemd.unit=poweroff.target"],
] as const;

const NEEDS = {
  bash: program("bash", "bash"),
  busybox: program("busybox", "busybox"),
  curl: program("curl", "curl"),
  dash: program("dash", "dash"),
  debootstrap: program("debootstrap", "debootstrap"),
  executable: {
    reason: "needs the compiled executable, and the other engine is tested",
    kernel: true,
    isThere: () => process.env.KUGETSU_TEST_ENGINE !== "deno",
  },
  faketime: program("faketime", "faketime"),
  fish: program("fish", "fish"),
  ksh: program("ksh", "ksh"),
  linux: {
    reason: "needs Linux",
    kernel: true,
    isThere: () => process.platform === "linux",
  },
  loop: {
    reason: "needs root and loop devices that this kernel or container does not give",
    kernel: true,
    isThere: () => isRoot() && succeeds("losetup", "--find"),
  },
  mksh: program("mksh", "mksh"),
  "mkfs.ext4": program("mkfs.ext4", "e2fsprogs"),
  openssl: program("openssl", "openssl"),
  nspawn: {
    reason: "needs root and a kernel or container that lets systemd-nspawn boot a system",
    kernel: true,
    isThere: () => isRoot() && (!isOnPath("systemd-nspawn") || succeeds(...BOOT_AND_GO)),
  },
  python3: program("python3", "python3"),
  perl: program("perl", "perl"),
  root: { reason: "needs root", isThere: isRoot },
  script: program("script", "bsdutils"),
  shellcheck: program("shellcheck", "shellcheck"),
  ssh: program("ssh", "openssh-client"),
  "ssh-audit": program("ssh-audit", "ssh-audit"),
  strace: {
    ...program("strace", "strace"),
    // It can be installed and yet not be allowed to trace.
    isThere: () => succeeds("strace", "-o", "/dev/null", "true"),
  },
  "systemd-nspawn": program("systemd-nspawn", "systemd-container"),
  tmpfs: {
    reason: "needs root and the right to mount, which this kernel or container does not give",
    kernel: true,
    isThere: () =>
      isRoot() && succeeds("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"),
  },
  tmux: program("tmux", "tmux"),
  wget: program("wget", "wget"),
  zsh: program("zsh", "zsh"),
} satisfies Record<string, Need>;

/** False when all of it is there, otherwise why the test is skipped. */
export function needs(...names: (keyof typeof NEEDS)[]): false | string {
  const missing: Need[] = names.map((name) => NEEDS[name]).filter((need) => !isThere(need));
  if (missing.length === 0) return false;
  const reason = missing.map(describe).join(", ");
  const kernel = missing.some((need) => need.kernel);
  if (process.env.KUGETSU_NO_SKIP === "1" && !kernel) {
    throw new Error(`A test cannot run here and no skip is allowed: ${reason}`);
  }
  const packages = missing.flatMap((need) => need.package ?? []);
  leaveReason({ ...callerOf(needs), reason, packages, kernel });
  return reason;
}

function describe(need: Need): string {
  return need.package ? `${need.reason} (Debian package ${need.package})` : need.reason;
}

function leaveReason(reason: SkipReason): void {
  const file = process.env.KUGETSU_SKIPS;
  if (file) appendFileSync(file, `${JSON.stringify(reason)}\n`);
}

/** The place that called `callee`, from the stack: `at file:///…/init.test.ts:12:34`. */
function callerOf(callee: (...names: never[]) => unknown): { file: string; line: number } {
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, callee);
  const [, file = "", line = "0"] = /(file:\/\/\S+?):(\d+):\d+/.exec(at.stack ?? "") ?? [];
  return { file, line: Number(line) };
}

function program(name: string, debianPackage: string) {
  return { reason: `needs ${name}`, package: debianPackage, isThere: () => isOnPath(name) };
}

const seen = new Map<Need, boolean>();

function isThere(need: Need): boolean {
  const known = seen.get(need) ?? need.isThere();
  seen.set(need, known);
  return known;
}

function isOnPath(name: string): boolean {
  // Debian keeps mkfs and losetup where an ordinary user's PATH does not lead.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function succeeds(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
