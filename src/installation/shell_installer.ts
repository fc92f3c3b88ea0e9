/**
 * The installation, by means of install.sh: the very script, which is part of the executable, does the work, so that
 * there is one place where a download is checked and an executable replaced (docs/design/installer.md).
 */
import { spawn } from "node:child_process";
import { basename, dirname } from "node:path";
import { homedir } from "node:os";
import script from "../../install.sh" with { type: "text" };
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import { readLines } from "../platform/lines.ts";
import type { Installation, UpgradeOptions } from "./mod.ts";
import { writeSkill } from "./skill.ts";

export interface InstallerOptions {
  env: Record<string, string | undefined>;
  version: string;
  /** This process's executable. */
  execPath: string;
  /** What the installer says while it works. */
  say: (line: string) => void;
}

export function shellInstaller(options: InstallerOptions): Installation {
  const { env, version, execPath } = options;
  const install = (args: string[], say = options.say) =>
    runScript([...args, ...placeOf(execPath)], { ...options, say });
  return {
    version,
    get executable() {
      placeOf(execPath);
      return execPath;
    },
    async newest(baseUrl) {
      return (await install(["--check", ...sourceOf({ baseUrl })], () => {})).at(-1) ?? "";
    },
    async upgrade(wanted) {
      const action = wanted.rollback ? ["--rollback"] : sourceOf(wanted);
      const said = await install(["--no-modify-path", ...action]);
      return { before: version, after: versionIn(said) ?? version };
    },
    async uninstall({ purge }) {
      await install(["--uninstall", "--yes", ...(purge ? ["--purge"] : [])]);
    },
    writeSkill: (place) => Promise.resolve(writeSkill(place, env, env["HOME"] || homedir())),
  };
}

function sourceOf({ version, baseUrl }: UpgradeOptions): string[] {
  const given = Object.entries({ "--version": version, "--base-url": baseUrl });
  // An empty one too, which the script refuses.
  return given.flatMap(([name, value]) => value === undefined ? [] : [name, value]);
}

/** A run from source has an executable that is a runtime's: that is not ours to replace. */
function placeOf(execPath: string): string[] {
  if (basename(execPath) !== "kugetsu") throw errors.notInstalled(execPath);
  return ["--bin-dir", dirname(execPath)];
}

/** Runs install.sh, which a shell reads whole before it begins, and returns the lines of its standard output. */
async function runScript(
  args: string[],
  { env, say, execPath }: InstallerOptions,
): Promise<string[]> {
  // In /, so that nothing in the current folder matters.
  const child = spawn("/bin/sh", ["-s", "--", ...args], { cwd: "/", env });
  const [lines, complaints]: [string[], string[]] = [[], []];
  const outcome = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  child.stdin.on("error", () => {}); // How it ends tells more than EPIPE.
  child.stdin.end(script);
  const read = Promise.all([
    readLines(child.stdout, (line) => {
      lines.push(line);
      if (!line.startsWith("Next: ")) say(line);
    }),
    readLines(child.stderr, (line) => void complaints.push(line)),
  ]);
  const code = await outcome;
  await read;
  if (code !== 0) throw failure(code, complaints, dirname(execPath));
  return lines;
}

/** What the script's last lines say: `error: …` and `  try: …`, as errors of kugetsu look. */
function failure(code: number | null, complaints: string[], folder: string) {
  const at = complaints.findLastIndex((line) => line.startsWith("error: "));
  const message = complaints[at]?.slice("error: ".length) ??
    `The installer ended with ${code ?? "a signal"}`;
  const next = complaints[at + 1]?.replace(/^ {2}try: /, "");
  const detail = complaints.slice(0, Math.max(at, 0)).join("; ");
  return errors.installFailed(statusOf(code), message, detail, next && inOurWords(next, folder));
}

/** The script names itself as the next command, and is not at hand; what kugetsu can do itself is said as such. */
function inOurWords(next: string, folder: string): string {
  return next
    .replace(/\bsh install\.sh (--(?:version|base-url|help)\b)/, "kugetsu upgrade $1")
    .replace("sh install.sh --uninstall", "kugetsu uninstall")
    .replace("sh install.sh --prefix DIR", `ls -ld "${folder}"`);
}

function statusOf(code: number | null): ExitStatus {
  const known: ExitStatus[] = [EXIT.usage, EXIT.busy, EXIT.environment, EXIT.refused];
  return known.find((status) => status === code) ?? EXIT.environment;
}

/** "Installed kugetsu 1.1.0 as …", "Went back to kugetsu 1.0.0", "kugetsu 1.0.0 is in … already": it ran --version. */
function versionIn(lines: string[]): string | undefined {
  return lines.map((line) => /\bkugetsu (\d\S*)/.exec(line)?.[1]?.replace(/\.$/, ""))
    .find((found) => found !== undefined);
}
