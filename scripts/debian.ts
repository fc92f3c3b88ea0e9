/**
 * A small Debian with systemd and sshd, for the tests of the host set-up: made with debootstrap into `.cache/`
 * on first use, from wherever this machine gets its own packages. It needs root.
 */
import { access, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { CACHE } from "./_checkout.ts";
import { run } from "./_run.ts";

const PACKAGES = [
  "dbus",
  "libpam-systemd",
  "openssh-server",
  "sudo",
  "systemd",
  "systemd-sysv",
];

/** The folder of a Debian that nobody has booted: boot a copy. */
export async function ensureDebian(): Promise<string> {
  const suite = await codename();
  const root = join(CACHE, `debian-${suite}`);
  if (await exists(root)) return root;

  process.stderr.write(`Making a Debian (${suite}) with debootstrap (once)\n`);
  const unfinished = `${root}.${process.pid}.tmp`;
  try {
    await bootstrap(suite, unfinished);
    await rename(unfinished, root).catch(async (error) => {
      // Another run was faster; theirs is as good as ours.
      if (!await exists(root)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return root;
}

async function bootstrap(suite: string, folder: string): Promise<void> {
  const options = ["--variant=minbase", `--include=${PACKAGES.join(",")}`];
  const { code, stdout } = await run("debootstrap", [
    ...options,
    suite,
    folder,
    await mirror(suite),
  ]);
  if (code !== 0) throw new Error(`debootstrap made no Debian:\n${stdout.slice(-2000)}`);
}

/** The one that apt uses here for that release. */
async function mirror(suite: string): Promise<string> {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const apt = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const line = apt.stdout.split("\n").find((line) => line.endsWith(` ${suite} main`));
  if (!line) throw new Error(`apt knows no source for ${suite}: apt-get indextargets`);
  return line.split(" ")[0]!;
}

async function codename(): Promise<string> {
  const facts = await readFile("/etc/os-release", "utf8").catch(() => "");
  const found = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(facts)?.[1];
  if (!found) throw new Error("This is no release of Debian or Ubuntu: /etc/os-release");
  return found;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

if (import.meta.main) process.stdout.write(`${await ensureDebian()}\n`);
