/** A step of the demo: a command of kugetsu, shown with what came back, and what must be so then. */
import process from "node:process";
import type { World } from "../tests/support/opencode_home.ts";

export interface Step {
  why?: string;
  args: string[];
  /** What the command reads. */
  input?: string;
  /** What must be in what comes back. */
  shows: RegExp;
  /** What else must be so afterwards. */
  leaves?: (world: World) => Promise<boolean>;
}

export async function take(step: Step, world: World): Promise<boolean> {
  const { why, args, input, shows, leaves } = step;
  const command = `$ kugetsu ${args.map(quoted).join(" ")}`;
  if (why !== undefined) say(`\n# ${why}`);
  const { code, stdout, stderr } = await world.kugetsu(args, input === undefined ? {} : { input });
  // Together, since others may be at work.
  show(`${command}\n${stdout}${stderr}`);
  const ok = code === 0 && shows.test(stdout + stderr) && await leaves?.(world) !== false;
  if (!ok) say(`demo: this step did not do what it should (exit code ${code})`);
  return ok;
}

function quoted(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export const say = (line: string) => show(`${line}\n`);
export const show = (text: string) => void process.stdout.write(text);
