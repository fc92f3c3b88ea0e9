/** Start-up and `list` against a program that does nothing but print a line, compiled with the same flags. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE, ROOT } from "../scripts/_checkout.ts";
import { makeScratch } from "../tests/support/scratch.ts";
import { type Command, inPairs, report } from "./measure.ts";

export async function benchStartup(runs: number): Promise<void> {
  await using scratch = await makeScratch("bench");
  const minimal = compileMinimal(scratch.path);
  const measure = async (what: string, goal: number, command: Command) => {
    const { a, b, ratio } = await inPairs(runs, () => command, () => ({ file: minimal, args: [] }));
    const times = `${a.toFixed(1)} ms, minimal program ${b.toFixed(1)} ms`;
    report(what, `${ratio.toFixed(2)} x`, `<= ${goal} x`, times);
  };
  await measure("--version", 2.5, { file: EXECUTABLE, args: ["--version"] });
  for (const [sessions, goal] of [[0, 2.5], [100, 2.5], [1000, 5], [10_000, 12]] as const) {
    const folder = makeState(join(scratch.path, `state-${sessions}`), sessions);
    // A folder that changed just now is not yet trusted to show its next change; people's have not.
    await new Promise((later) => setTimeout(later, 2500));
    const command = { file: EXECUTABLE, args: ["list"], env: { KUGETSU_HOME: folder } };
    await measure(`list of ${sessions} sessions`, goal, command);
    if (sessions !== 1000) continue;
    await measure(`status of ${sessions} issues`, goal, { ...command, args: ["status"] });
  }
}

/** A program that prints a line and ends, unless `more` keeps it; returns its path. */
export function compileMinimal(folder: string, more = ""): string {
  const source = join(folder, "minimal.ts");
  writeFileSync(source, `console.log("hello");\n${more}`);
  return compileProgram(source, join(folder, "minimal"));
}

/** Compiles a program as kugetsu is compiled; returns its path, which is `made`. */
export function compileProgram(source: string, made: string): string {
  const flags = ["--compile", "--minify", "--bytecode", "--format=esm"];
  const bun = join(ROOT, "node_modules", ".bin", "bun");
  execFileSync(bun, ["build", ...flags, source, "--outfile", made], { stdio: "ignore" });
  return made;
}

/** A state folder with that many sessions, as kugetsu writes them. */
function makeState(folder: string, count: number): string {
  const sessions = join(folder, "sessions");
  mkdirSync(sessions, { recursive: true });
  const write = (path: string, value: unknown) =>
    writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
  const time = "2026-03-29T18:16:10+02:00";
  const common = { created_at: time, state: "idle", updated_at: time, directory: "/repository" };
  const issues: Record<string, string> = {};
  for (let number = 1; number <= count; number++) {
    const ref = `github.com/shoko/kugetsu#${number}`;
    const file = `github.com-shoko-kugetsu-${number}.json`;
    issues[ref] = file;
    const id = `ses_${String(number).padStart(26, "0")}`;
    write(join(sessions, file), {
      type: "forked",
      issue_ref: ref,
      opencode_session_id: id,
      ...common,
      origin: "forked",
      last_turn: { id: `turn-${number}`, outcome: "done", started_at: time, ended_at: time },
    });
  }
  const base = { type: "base", issue_ref: null, opencode_session_id: "ses_base", ...common };
  write(join(sessions, "base.json"), base);
  write(join(folder, "index.json"), { base: "ses_base", issues });
  return folder;
}
