/** A host to install kugetsu on: a scratch home, a mirror with small releases, and install.sh in any shell. */
import { createHash } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { once } from "node:events";
import { mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import process from "node:process";
import { ROOT } from "../../scripts/_checkout.ts";
import { run, type RunResult } from "../../scripts/_run.ts";
import { TARGETS } from "../../scripts/_targets.ts";
import { installer } from "../../scripts/release.ts";
import { findExecutable } from "../../src/platform/executables.ts";
import type { needs } from "./needs.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

/** As a command, and the program that it needs. */
export const SHELLS: [command: string[], program: Parameters<typeof needs>[0]][] = [
  [["dash"], "dash"],
  [["bash"], "bash"],
  [["bash", "--posix"], "bash"],
  [["busybox", "ash"], "busybox"],
  [["zsh"], "zsh"],
  [["ksh"], "ksh"],
  [["mksh"], "mksh"],
];

/** The tool before this one. */
export const OLD_TOOL = '#!/bin/bash\n# kugetsu, as it was before\necho "usage: kugetsu init"\n';

/** What a release has inside. Without a first line that names a shell it is no script to install.sh. */
export function payload(version: string): string {
  return `case $1 in --version) echo "kugetsu ${version}" ;; list) echo "{}" ;; completions) echo "# made by: kugetsu completions $2" ;; esac\n`;
}

export interface Host extends AsyncDisposable {
  readonly scratch: Scratch;
  readonly home: string;
  readonly bin: string;
  readonly target: string;
  readonly mirror: string;
  /** The mirror's address. */
  readonly url: string;
  /** Publishes a release; the last one is the newest. What is not said about a file is as it should be. */
  publish(version: string, files?: Partial<Published>): Promise<void>;
  /** Runs the repository's install.sh, or another one, with the newest release of the mirror to be had. */
  install(args?: string[], options?: InstallOptions): Promise<RunResult>;
}

interface Published {
  executable: string | Uint8Array;
  /** What is there in place of the compressed executable. */
  archive: string | Uint8Array;
  /** The targets that there is one for; all without it. */
  targets: string[];
}

export interface InstallOptions {
  shell?: string[];
  script?: string;
  env?: Record<string, string>;
  /** Put in front of the command. */
  under?: string[];
  /** Standard input of the shell; the script is then not named to it. */
  input?: string;
  /** What the shell does in place of running the script. */
  command?: string;
}

export async function makeHost(homeName = "home"): Promise<Host> {
  const scratch = await makeScratch("host");
  const home = scratch.join(homeName);
  const mirror = scratch.join("mirror");
  const bin = join(home, ".local", "bin");
  await mkdir(home);
  await mkdir(scratch.join("tmp"));
  // Waiting for the disk would be most of what the tests do, and prove nothing.
  await scratch.write("quick/sync", "#!/bin/sh\n", 0o755);
  // Apart from the checkout: a script that lies in one builds.
  const script = await scratch.write("install.sh", await readFile(join(ROOT, "install.sh")));
  const host: Host = {
    scratch,
    home,
    bin,
    mirror,
    target: join(bin, "kugetsu"),
    url: `file://${mirror}`,
    publish: (version, files) => publish(mirror, version, files),
    install(args = [], { shell = ["sh"], env = {}, under = [], input, command, ...options } = {}) {
      const named = input === undefined ? [options.script ?? script] : ["-s", "--"];
      const what = command === undefined ? [...named, ...args] : ["-c", command];
      const [program, ...rest] = [...under, ...shell, ...what];
      return run(program!, rest, {
        cwd: scratch.path,
        env: { ...environmentOf(host), ...env },
        timeoutMs: 120_000,
        ...(input === undefined ? {} : { input }),
      });
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
  return host;
}

export function environmentOf({ scratch, home, url }: Host): Record<string, string> {
  return {
    HOME: home,
    SHELL: "/bin/bash",
    TMPDIR: scratch.join("tmp"),
    PATH: `${scratch.join("quick")}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    KUGETSU_BASE_URL: url,
    LANG: "C.UTF-8",
  };
}

async function publish(
  mirror: string,
  version: string,
  { executable = payload(version), archive, targets }: Partial<Published> = {},
): Promise<void> {
  const good = gzipSync(executable, { level: 1 });
  const digest = createHash("sha256").update(good).digest("hex");
  const names = TARGETS.map((it) => it.name).filter((it) => targets?.includes(it) ?? true)
    .map((it) => `kugetsu-${version}-${it}.gz`);
  const sums = names.map((name) => `${digest}  ${name}\n`).join("");
  const folder = join(mirror, "download", `v${version}`);
  const latest = join(mirror, "latest", "download");
  await Promise.all([folder, latest].map((it) => mkdir(it, { recursive: true })));
  await Promise.all(names.map((name) => writeFile(join(folder, name), archive ?? good)));
  for (const it of [folder, latest]) {
    await writeFile(join(it, "SHA256SUMS"), sums);
    await writeFile(join(it, "install.sh"), await installer(version, sums));
  }
}

/** A PATH with nothing but the programs that install.sh calls, without some of them and with others in their place. */
export async function pathWith(
  { scratch }: Host,
  { without = [], own = {} }: { without?: string[]; own?: Record<string, string> } = {},
): Promise<string> {
  const folder = scratch.join(`tools-${without.join("-")}-${Object.keys(own).join("-")}`);
  await mkdir(folder, { recursive: true });
  const programs = CALLED.filter((it) => !without.includes(it) && !(it in own));
  for (const program of programs) {
    const path = findExecutable(program, "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    if (path) await symlink(path, join(folder, program)).catch(() => {});
  }
  for (const [name, text] of Object.entries(own)) {
    await scratch.write(relative(scratch.path, join(folder, name)), `#!/bin/sh\n${text}\n`, 0o755);
  }
  return folder;
}

/** All that install.sh calls when it gets a release, and the shells. */
export const CALLED = [
  ..."bash busybox dash ksh mksh zsh".split(" "),
  ..."cat chmod cmp cp curl dirname getconf grep gzip head ldd ln mkdir mktemp mv openssl printf"
    .split(
      " ",
    ),
  ..."readlink rm rmdir sed sh sha256sum shasum sleep sync sysctl tail tr uname wc wget".split(" "),
];

/** A server on loopback that stops at the end of the block; it speaks https if it is given a certificate. */
export async function serve(
  listener: RequestListener,
  certificate?: { key: string; cert: string },
): Promise<AsyncDisposable & { url: string }> {
  const made = certificate ? createSecureServer(certificate, listener) : createServer(listener);
  const server = made.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  return {
    url: `${certificate ? "https" : "http"}://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** The mirror, by http. */
export function serveMirror(host: Host, asked: string[] = []) {
  return serve(async (request, response) => {
    asked.push(request.url!);
    const content = await readFile(join(host.mirror, request.url!)).catch(() => undefined);
    response.writeHead(content ? 200 : 404).end(content ?? "<html>Not found</html>");
  });
}

/** Every file below a folder: its path, mode and content; links by where they point. */
export async function treeOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (entry.isSymbolicLink()) return [`${name} -> ${await readlink(path)}`];
    if (!entry.isFile()) return [];
    const mode = ((await stat(path)).mode & 0o777).toString(8);
    return [`${name} ${mode} ${await readFile(path, "latin1")}`];
  }));
  return lines.flat().sort();
}

export function versionOf(target: string): Promise<string> {
  return run("sh", ["-c", '"$0" --version', target], { env: process.env }).then((it) => it.stdout);
}
