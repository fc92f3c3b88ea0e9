/**
 * `deno task compile [--engine bun|deno] [--outfile F] [--if-possible]`: makes kugetsu one executable file.
 *
 * Bun is the default engine: everything it needs comes with its npm package. `deno compile` puts the
 * program behind a base binary, `denort`, that is not on npm; where that cannot be had, exit 5 says so, or
 * exit 0 with --if-possible.
 * Either way the result takes its final name only when it is whole and has answered `--version`. What is made for
 * another kind of machine (`compileFor`, for releases) cannot be asked here.
 */
import { access, chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { declaredVersion, EXECUTABLE, ROOT } from "./_checkout.ts";
import { run } from "./_run.ts";

const MAIN = join(ROOT, "main.ts");
const EXIT_USAGE = 2;
const EXIT_ENVIRONMENT = 5;

/** An end that is explained by its message alone, with the exit code to use. */
export class CompileError extends Error {
  constructor(readonly exitCode: number, message: string) {
    super(message);
  }
}

export interface CompileOptions {
  engine?: string | undefined;
  outfile?: string | undefined;
}

/** Compiles and returns the path of the executable. */
export async function compile({ engine = "bun", outfile = EXECUTABLE }: CompileOptions = {}) {
  const build = engines.get(engine);
  if (!build) throw new CompileError(EXIT_USAGE, `No such engine: "${engine}" (bun or deno)`);
  const started = performance.now();
  const target = resolve(outfile);
  // A folder of its own beside the target: Bun leaves source maps next to what it writes (they are inside
  // the executable too), and a rename cannot cross file systems.
  const workshop = `${target}.${process.pid}.tmp`;
  await mkdir(workshop, { recursive: true });
  try {
    const made = await build(workshop);
    await check(made);
    await rename(made, target);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  await report(engine, target, performance.now() - started);
  return target;
}

const engines = new Map([
  ["bun", (workshop: string) => compileFor(undefined, workshop)],
  ["deno", compileWithDeno],
]);

/** Makes the executable for this machine, or for a target as Bun calls them, with its source maps beside it. */
export async function compileFor(target: string | undefined, workshop: string): Promise<string> {
  const made = join(workshop, "kugetsu");
  const script = join(ROOT, "scripts", "_bun_compile.ts");
  await bun([script, MAIN, made, ...(target ? [target] : [])]);
  return made;
}

/** deno compile is fed one file, so that it does not embed the whole of node_modules. */
async function compileWithDeno(workshop: string): Promise<string> {
  const bundle = join(workshop, "kugetsu.mjs");
  await bun(["build", "--target=node", "--outfile", bundle, MAIN]);
  const made = join(workshop, "kugetsu");
  const flags = ["--allow-all", "--no-check", "--no-config", "--no-lock", "--output", made];
  const deno = await run(process.execPath, ["compile", ...flags, bundle], { cwd: workshop });
  if (deno.code === 0) return made;
  if (/base binary|denort/.test(deno.stderr)) throw new CompileError(EXIT_ENVIRONMENT, noDenort());
  throw new CompileError(1, `deno compile failed:\n${deno.stderr}`);
}

function noDenort(): string {
  return "deno compile needs its base binary denort, which could not be downloaded. " +
    "Set DENORT_BIN to a denort of the same deno version, or use --engine bun";
}

async function bun(args: string[]): Promise<void> {
  const program = join(ROOT, "node_modules", ".bin", "bun");
  await access(program).catch(installPackages);
  const built = await run(program, args, { cwd: ROOT });
  if (built.code !== 0) {
    throw new CompileError(1, `bun build failed:\n${built.stdout}${built.stderr}`);
  }
}

/** A script that imports nothing from npm does not make deno fetch what deno.json lists. */
async function installPackages(): Promise<void> {
  const options = { cwd: ROOT, output: "stderr" } as const;
  const deno = await run(process.execPath, ["install", "--frozen"], options);
  if (deno.code === 0) return;
  throw new CompileError(EXIT_ENVIRONMENT, "The npm packages that deno.json lists cannot be had");
}

/** DENORT_BIN may name something else altogether: what was made must be our program, not a runtime's. */
async function check(made: string): Promise<void> {
  await chmod(made, 0o755);
  const expected = await declaredVersion();
  const answer = await run(made, ["--version"], { timeoutMs: 30_000 });
  if (answer.code === 0 && answer.stdout.includes(expected)) return;
  const said = JSON.stringify((answer.stdout + answer.stderr).slice(0, 200));
  const message = `The executable does not answer --version with ${expected}: it said ${said}`;
  throw new CompileError(process.env.DENORT_BIN ? EXIT_ENVIRONMENT : 1, message);
}

async function report(engine: string, target: string, ms: number): Promise<void> {
  const megabytes = (await stat(target)).size / 1e6;
  const facts = `${await declaredVersion()}, ${engine}, ${megabytes.toFixed(0)} MB`;
  process.stderr.write(`Compiled ${target} (${facts}) in ${(ms / 1000).toFixed(1)} s\n`);
}

function optionsOf(args: string[]) {
  try {
    const text = { type: "string" } as const;
    const options = { engine: text, outfile: text, "if-possible": { type: "boolean" } } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new CompileError(EXIT_USAGE, (error as Error).message);
  }
}

async function main(): Promise<number> {
  let options: ReturnType<typeof optionsOf> = {};
  try {
    options = optionsOf(process.argv.slice(2));
    await compile(options);
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : error;
    const exitCode = error instanceof CompileError ? error.exitCode : 1;
    const leaveOut = options["if-possible"] && exitCode === EXIT_ENVIRONMENT;
    process.stderr.write(`compile: ${leaveOut ? "not done here: " : ""}${message}\n`);
    return leaveOut ? 0 : exitCode;
  }
}

if (import.meta.main) process.exitCode = await main();
