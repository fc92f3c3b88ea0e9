/**
 * `deno task release [WORD…]`: everything that a release publishes, in dist/release, laid out as the releases page of
 * a forge is, so that the folder works as a mirror: `sh install.sh --base-url file://$PWD/dist/release`.
 *
 * Words choose targets by their name; without one, KUGETSU_RELEASE_TARGETS may name some, else all are built. The
 * version is that of deno.json; a tag that CI builds, the changelog and the skill have to agree with it. The same
 * commit gives the same bytes; files that are not as the commit has them are named in the provenance, and no tag is
 * released with any.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import { gzip } from "node:zlib";
import { declaredVersion, ROOT } from "./_checkout.ts";
import { signAdHoc, whyNotSigned } from "./_macho.ts";
import { packagesIn, sbom } from "./_sbom.ts";
import { run } from "./_run.ts";
import { selectTargets, type Target } from "./_targets.ts";
import { compileFor } from "./compile.ts";

/** What the identifier of a macOS signature says. */
const IDENTIFIER = "kugetsu";

/** Of the Debian packages qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross. */
const EMULATOR = "qemu-aarch64-static";
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";

export interface ReleaseOptions {
  targets: readonly Target[];
  /** Where the releases page goes. */
  outdir?: string;
}

/** Builds the release and returns the folder with its files. */
export async function release(
  { targets, outdir = join(ROOT, "dist", "release") }: ReleaseOptions,
): Promise<string> {
  const version = await declaredVersion();
  const workshop = await mkdtemp(join(tmpdir(), "kugetsu-release-"));
  try {
    const files = new Map<string, Uint8Array | string>();
    const packed: Promise<Uint8Array>[] = [];
    for (const target of targets) {
      const executable = await build(target, join(workshop, target.name), version);
      // Beside the next build.
      packed.push(promisify(gzip)(executable));
    }
    for (const [index, content] of (await Promise.all(packed)).entries()) {
      files.set(`kugetsu-${version}-${targets[index]!.name}.gz`, content);
    }
    const packages = await packagesIn(join(workshop, targets[0]!.name));
    files.set(`kugetsu-${version}.cdx.json`, sbom(version, await bunVersion(), packages));
    const sums = sumsOf(files);
    files.set(`kugetsu-${version}.provenance.json`, provenance(version, sums));
    files.set("SHA256SUMS", sums);
    files.set("install.sh", await installer(version, sums));
    return await publish(files, version, outdir);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

async function build(target: Target, folder: string, version: string): Promise<Uint8Array> {
  await mkdir(folder, { recursive: true });
  const made = await compileFor(target.bun, folder);
  let executable: Uint8Array = await readFile(made);
  if (target.name.startsWith("darwin")) {
    if (whyNotSigned(executable)) executable = signAdHoc(executable, IDENTIFIER);
    const why = whyNotSigned(executable);
    if (why) throw new Error(`The signature of ${target.name} does not fit: ${why}`);
  }
  say(
    `${target.name}: ${(executable.length / 1e6).toFixed(0)} MB, ${await answer(
      target,
      made,
      version,
    )}`,
  );
  return executable;
}

/** Runs what this machine can run. What cannot be run is said to be untested, not to be good. */
async function answer(target: Target, made: string, version: string): Promise<string> {
  const isOwn = target.name.startsWith(`${process.platform}-${process.arch}`);
  const emulated = target.name === "linux-arm64" && !isOwn;
  if (!isOwn && !emulated) return "not run here";
  const [program, ...args] = [...(emulated ? [EMULATOR] : []), made, "--version"];
  const env = { QEMU_LD_PREFIX: ARM64_LIBRARIES, ...process.env };
  const result = await run(program!, args, { env, timeoutMs: 60_000 }).catch(() => undefined);
  if (result?.code === 0 && result.stdout === `kugetsu ${version}\n`) return "runs";
  // An emulator, musl's loader or a C++ library for it may be missing; our own kind must run.
  if (!isOwn || target.name.includes("musl")) return "not run here";
  throw new Error(`${target.name} does not run: ${result?.stderr ?? "it cannot be started"}`);
}

function sumsOf(files: Map<string, Uint8Array | string>): string {
  return [...files].map(([name, content]) => `${sha256(content)}  ${name}\n`).join("");
}

/** install.sh with the version and the checksums in it. */
export async function installer(version: string, sums: string): Promise<string> {
  const text = await readFile(join(ROOT, "install.sh"), "utf8");
  const filled = text
    .replace(/^RELEASE=$/m, `RELEASE=${version}`)
    .replace(/^RELEASE_SUMS=''$/m, `RELEASE_SUMS='${sums.trimEnd()}'`);
  if (filled.split(sums.trimEnd()).length !== 2 || !filled.includes(`\nRELEASE=${version}\n`)) {
    throw new Error("install.sh has no place for the version and the checksums");
  }
  return filled;
}

/** What was built from what, as an in-toto statement. A forge that can sign does so with this release's files. */
function provenance(version: string, sums: string): string {
  const subject = sums.trimEnd().split("\n").map((line) => {
    const [digest, name] = line.split("  ");
    return { name, digest: { sha256: digest } };
  });
  const source = "git+https://github.com/shoko/kugetsu";
  const commit = { gitCommit: git(ROOT, "rev-parse", "HEAD") };
  const changed = changedFiles();
  const annotations = changed.length > 0 ? { annotations: { changed } } : {};
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject,
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: `${source}#deno-task-release`,
        externalParameters: { version, task: "deno task release" },
        resolvedDependencies: [{ uri: source, digest: commit, ...annotations }],
      },
      runDetails: { builder: { id: `${source}#scripts/release.ts` } },
    },
  };
  return `${JSON.stringify(statement, null, 2)}\n`;
}

/** The files that are not as the last commit has them, new ones too. */
export function changedFiles(root = ROOT): string[] {
  const changed = git(root, "diff", "--name-only", "HEAD");
  const added = git(root, "ls-files", "--others", "--exclude-standard");
  return `${changed}\n${added}`.split("\n").filter(Boolean);
}

function git(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd, encoding: "utf8" }).trim();
}

/** The folder takes its name when it is whole. */
async function publish(files: Map<string, Uint8Array | string>, version: string, outdir: string) {
  const target = resolve(outdir);
  const unfinished = `${target}.${process.pid}.tmp`;
  const folder = join(unfinished, "download", `v${version}`);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of files) await writeFile(join(folder, name), content);
  const latest = join(unfinished, "latest", "download");
  await mkdir(latest, { recursive: true });
  for (const name of ["SHA256SUMS", "install.sh"]) await cp(join(folder, name), join(latest, name));
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(unfinished, target);
  return join(target, "download", `v${version}`);
}

/** Where a version is written besides deno.json, and does not agree with it. */
export async function disagreements(version: string, tag: string | undefined): Promise<string[]> {
  const changelog = await readFile(join(ROOT, "CHANGELOG.md"), "utf8");
  const skill = await readFile(join(ROOT, "skills", "kugetsu", "SKILL.md"), "utf8");
  const [, first] = /^## \[(\d[^\]]*)\]/m.exec(changelog) ?? [];
  const [, declared] = /^ {2}version: "(.*)"$/m.exec(skill) ?? [];
  const found = { "CHANGELOG.md": first, "SKILL.md": declared, "the tag": tag ?? `v${version}` };
  return Object.entries(found)
    .filter(([where, it]) => it !== (where === "the tag" ? `v${version}` : version))
    .map(([where, it]) => `${where} says ${it}, deno.json says ${version}`);
}

/** Both forges' CI tells the tag that it builds in the same variables. */
export function tagOf(env: Record<string, string | undefined>): string | undefined {
  return env["GITHUB_REF_TYPE"] === "tag" ? env["GITHUB_REF_NAME"] : undefined;
}

async function bunVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(ROOT, "deno.json"), "utf8"));
  return manifest.imports.bun.replace(/^npm:bun@/, "");
}

function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true, options: {} });
  const preset = process.env.KUGETSU_RELEASE_TARGETS?.split(/\s+/).filter(Boolean) ?? [];
  const targets = selectTargets(positionals.length > 0 ? positionals : preset);
  const tag = tagOf(process.env);
  const wrong = await disagreements(await declaredVersion(), tag);
  const changed = changedFiles().map((file) => `${file} is not as the last commit has it`);
  if (tag) wrong.push(...changed);
  else changed.forEach(say);
  if (wrong.length > 0) throw new Error(wrong.join("; "));
  say(`Released into ${await release({ targets })}`);
  return 0;
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: Error) => {
    process.stderr.write(`release: ${error.message}\n`);
    return 1;
  });
}
