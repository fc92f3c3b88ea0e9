/**
 * The one test runner: `deno task test [WORD…] [--no-skip] [--second-try] [--torture]`.
 *
 * Runs every tests/**.test.ts, or those whose path contains a word, and ends with one plain line of counts.
 * Before that it names each test that was skipped and the Debian package that would let it run; `--no-skip`
 * makes those fail instead. `--second-try` runs the files of a few failures once more by themselves: what passes then
 * counts as passed, and is told with what it had failed of. `--torture` runs the files that count rounds, with the long counts.
 * Types are `deno task check`'s business. KUGETSU_TEST_ENGINE=deno drives `deno run main.ts` in place of the
 * compiled executable.
 */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { EXECUTABLE, ROOT } from "./_checkout.ts";
import { run } from "./_run.ts";
import { filesBelow, isEndToEnd, isHost, selectFiles, testFiles } from "./_test_files.ts";
import {
  afterSecondTry,
  closingLine,
  type Failure,
  merge,
  type Report,
  report,
} from "./_test_report.ts";
import { compile } from "./compile.ts";
import { ensureDebian } from "./debian.ts";
import { ensureOpencode } from "./opencode.ts";

/** No run may hang for ever, whatever a test does. Torture may take as long as it takes. */
const LIMIT_MS = 45 * 60_000;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "no-skip": { type: "boolean" },
      "second-try": { type: "boolean" },
      torture: { type: "boolean" },
    },
  });
  let files = selectFiles(await testFiles(ROOT), positionals);
  if (values.torture) files = await filesWith(/support\/rounds\.ts"/, files);
  if (files.length === 0) throw new Error(`No test file matches: ${positionals.join(" ")}`);
  if (values["no-skip"]) process.env.KUGETSU_NO_SKIP = "1";
  if (values.torture) process.env.KUGETSU_TORTURE = "1";

  await prepare(files);
  // End-to-end tests fill the machine with opencodes, which mostly wait: two files at a time, on any machine.
  const deadline = values.torture ? Infinity : Date.now() + LIMIT_MS;
  const others = files.filter((file) => !isEndToEnd(file));
  const quick = await runFiles(others, {}, deadline);
  const slow = await runFiles(files.filter(isEndToEnd), { DENO_JOBS: "2" }, deadline);
  const first = merge([quick, slow]);
  const result = values["second-try"] ? await secondTry(first, deadline) : first;
  print(result);
  return result.failed.length > 0 ? 1 : 0;
}

/** More failures than this are no accident of a busy machine. */
const MOST_UNSTEADY = 3;

async function secondTry(first: Report, deadline: number): Promise<Report> {
  const failing = first.failed.flatMap(({ file }) => file ?? []);
  if (failing.length === 0 || first.failed.length > MOST_UNSTEADY) return first;
  const second = await runFiles([...new Set(failing)], { DENO_JOBS: "1" }, deadline);
  return afterSecondTry(first, second);
}

/** Makes what the chosen files drive. */
async function prepare(files: string[]): Promise<void> {
  const compiled = process.env.KUGETSU_TEST_ENGINE !== "deno";
  if (compiled && await isStale()) await compile();
  if (files.some(isEndToEnd)) await ensureOpencode();
  // Where none can be made, the tests that need one say so.
  if (files.some(isHost)) await ensureDebian().catch(() => {});
}

/** Whether something the executable is made of is newer than it; a folder is when a file of it is gone. */
async function isStale(): Promise<boolean> {
  const built = await modifiedAt(EXECUTABLE);
  const ours = (await filesBelow(ROOT)).filter((file) => /^(?:src|plugins)\//.test(file));
  const folders = ours.map((file) => file.replace(/\/[^/]*$/, ""));
  const inside = ["main.ts", "deno.json", "deno.lock", "install.sh", "skills/kugetsu/SKILL.md"];
  const sources = [...inside, "scripts/compile.ts", ...ours, ...folders];
  const times = await Promise.all(
    [...new Set(sources)].map((file) => modifiedAt(join(ROOT, file))),
  );
  return times.some((time) => time >= built);
}

function modifiedAt(path: string): Promise<number> {
  return stat(path).then((facts) => facts.mtimeMs, () => 0);
}

async function filesWith(pattern: RegExp, files: string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readFile(join(ROOT, file), "utf8")));
  return files.filter((_, index) => pattern.test(texts[index]!));
}

const TEST_COMMAND = ["test", "--allow-all", "--no-prompt", "--no-check"];

function within(deadline: number) {
  const timeoutMs = Math.max(1, deadline - Date.now());
  return { cwd: ROOT, ...(timeoutMs < Infinity ? { timeoutMs } : {}) };
}

async function runFiles(
  files: string[],
  env: Record<string, string>,
  deadline: number,
): Promise<Report> {
  if (files.length === 0) return merge([]);
  const scratch = await mkdtemp(join(tmpdir(), "kugetsu-run-"));
  const [junit, skips] = [join(scratch, "junit.xml"), join(scratch, "skips")];
  try {
    const deno = await run(
      process.execPath,
      [...TEST_COMMAND, "--parallel", `--junit-path=${junit}`, ...files],
      {
        ...within(deadline),
        env: { ...process.env, ...env, KUGETSU_SKIPS: skips },
        output: "show",
      },
    );
    if (deno.signal) process.stderr.write(`test: deno was ended by ${deno.signal}\n`);
    return report({
      junit: await textOf(junit),
      skips: await textOf(skips),
      files,
      succeeded: deno.code === 0,
      root: ROOT,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

function print(result: Report): void {
  const lines = [
    ...result.skipped.map((one) => `skipped: ${one}`),
    ...result.unsteady.flatMap((one) => told("passed only at the second try", one)),
    ...result.failed.flatMap((one) => told("FAILED", one)),
  ];
  if (result.packages.length > 0) {
    lines.push(`To run what was skipped: apt-get install ${result.packages.join(" ")}`);
  }
  process.stdout.write([...lines, closingLine(result), ""].join("\n"));
}

function told(verdict: string, { name, why }: Failure): string[] {
  return [`${verdict}: ${name}`, ...why.map((line) => `  ${line}`)];
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: Error) => {
    process.stderr.write(`test: ${error.message}\n`);
    process.stdout.write("0 passed, 1 failed\n");
    return 1;
  });
}
