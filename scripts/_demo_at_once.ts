/** The demo's second part: three issues at once, each in its own worktree, against three bare opencodes in a row. */
import process from "node:process";
import { createInterface } from "node:readline";
import type { World } from "../tests/support/opencode_home.ts";
import { say, show, take } from "./_demo_steps.ts";

const NUMBERS = [15, 16, 17];
/** A busy machine takes its time. */
const PATIENCE_MS = 300_000;

/** An agent that looks, writes a file, commits it and tells about it, with pauses in which a model would think. */
function taskOf(number: number): string {
  const tool = (command: string, description: string) =>
    `@tool bash ${JSON.stringify({ command, description })}`;
  const who = "-c user.name=Agent -c user.email=agent@example.org";
  return [
    tool("sleep 1; cat README.md", "Reads README.md"),
    tool(`sleep 1; echo "fix for ${number}" > fix-${number}.md`, `Writes fix-${number}.md`),
    tool(`git add . && git ${who} commit --quiet -m "Fix ${number}"`, "Commits it"),
    `@slow 150 Number ${number} is fixed and committed on its own branch.`,
  ].join("\n");
}

export async function atOnce(world: World): Promise<boolean> {
  say(
    "\n# Three issues at once. Each gets a worktree and a branch; -d returns when it is accepted.",
  );
  const began = performance.now();
  const begin = NUMBERS.map((number) => {
    return take({
      args: ["start", "-d", `${number}`, "-"],
      input: taskOf(number),
      shows: new RegExp(`#${number}`),
    }, world);
  });
  if ((await Promise.all(begin)).includes(false)) return false;
  const isDone = await followed(world);
  const ms = performance.now() - began;
  return isDone && await outcome(world) && await compared(world, ms);
}

/** What all of them do, as it happens, until they are over. */
async function followed(world: World): Promise<boolean> {
  say("\n# What they do, as it happens.");
  const logs = NUMBERS.map((number) => {
    say(`$ kugetsu logs -f ${number}`);
    const running = world.spawn(["logs", "-f", `${number}`]);
    const lines = createInterface({ input: running.child.stdout! });
    lines.on("line", (line) => say(`${number} | ${line}`));
    return running;
  });
  const isDone = await take({ args: ["wait", ...NUMBERS.map(String)], shows: /done/ }, world);
  for (const one of logs) one.kill("SIGINT");
  await Promise.all(logs.map((one) => one.ended));
  return isDone;
}

async function outcome(world: World): Promise<boolean> {
  const steps = [
    { why: "How they are, and where.", args: ["status"], shows: /3 issues: 3 idle/ },
    ...NUMBERS.map((number) => ({
      why: `What ${number} changed, and nobody else.`,
      args: ["diff", `${number}`],
      shows: new RegExp(`^(?![^]*fix-(?!${number})\\d)[^]*fix for ${number}`),
    })),
  ];
  for (const step of steps) if (!await take(step, world)) return false;
  say("\n# The branches; the repository's own folder is as it was.\n$ git branch --list -v");
  const branches = await world.git("branch", "--list", "-v");
  show(branches);
  say("$ git status --porcelain");
  const changed = await world.git("status", "--porcelain");
  show(changed);
  return NUMBERS.every((number) => branches.includes(`Fix ${number}`)) && changed === "";
}

/** The same work by hand: one after the other, because they share a folder. */
async function compared(world: World, ms: number): Promise<boolean> {
  say(
    "\n# The same three with opencode alone, one after the other, since they would share one folder.",
  );
  const { code, stdout } = await world.kugetsu(["list", "--json"]);
  if (code !== 0) return false;
  const args = ["run", "--fork", "--session", JSON.parse(stdout).base.opencode_session_id];
  const began = performance.now();
  for (const number of NUMBERS) {
    say(`$ opencode ${args.join(" ")} < ${number}.txt`);
    const ended = await world.opencode(args, {
      input: taskOf(number),
      env: { PWD: world.repository },
      timeoutMs: PATIENCE_MS,
    });
    if (ended.code !== 0) process.stderr.write(ended.stderr);
    if (ended.code !== 0) return false;
  }
  const alone = performance.now() - began;
  const inSeconds = (time: number) => `${(time / 1000).toFixed(1)} s`;
  say(`\nkugetsu, three at once         ${inSeconds(ms)}`);
  say(
    `opencode run --fork, in a row  ${inSeconds(alone)}, ${(alone / ms).toFixed(1)} times as long`,
  );
  return true;
}
