/** Shells on a terminal with kugetsu's completion loaded, and somebody who types into them. */
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter } from "node:path";
import process from "node:process";
import { run } from "../../scripts/_run.ts";
import { kugetsuCommand } from "./opencode_home.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

export type Shell = "bash" | "zsh" | "fish";

export interface Shells extends AsyncDisposable {
  readonly scratch: Scratch;
  /** The folder that the shells are in. */
  readonly cwd: string;
  /** Where the completion script of a shell is. */
  script(shell: Shell): string;
  /** Types lines on a terminal, TABs and all, each of which calls kugetsu once, and tells what came of each. */
  type(shell: Shell, lines: string[]): Promise<Typed[]>;
  /** Runs a few lines of a shell's language, without a terminal, and returns what they print. */
  evaluate(shell: "bash" | "fish", code: string, ...args: string[]): Promise<string>;
  /** Puts a text, or a JSON value, in the place of the index. */
  setIndex(content: unknown): Promise<void>;
  /** Lets `kugetsu __refs` print this, as no kugetsu of ours does. */
  forgeRefs(lines: string[]): Promise<void>;
}

export interface Typed {
  /** What kugetsu was called with. */
  args: string[];
  /** What zsh offered before that; the other shells can be asked without a terminal. */
  offers: string[];
}

const LIMIT_MS = 30_000;

export async function makeShells(issues: string[]): Promise<Shells> {
  const scratch = await makeScratch("shells");
  const cwd = scratch.join("cwd");
  const [state, calls, forged] = ["state", "calls", "forged"].map((it) => scratch.join(it));
  await mkdir(cwd);
  const { PATH = "", TMPDIR } = process.env;
  const env: Record<string, string> = {
    HOME: scratch.join("home"),
    ZDOTDIR: scratch.join("home"),
    PATH: [scratch.join("bin"), PATH].join(delimiter),
    KUGETSU_HOME: state!,
    LANG: "C.UTF-8",
    TERM: "dumb",
    ...(TMPDIR ? { TMPDIR } : {}),
    ...(process.env.DENO_DIR ? { DENO_DIR: process.env.DENO_DIR } : {}),
  };
  const script = (shell: Shell) => scratch.join("scripts", shell);
  await scratch.write("bin/kugetsu", recorder(calls!, forged!), 0o755);
  await Promise.all((["bash", "zsh", "fish"] as const).map(async (shell) => {
    const [program, ...flags] = kugetsuCommand();
    const made = await run(program!, [...flags, "completions", shell]);
    if (made.code !== 0) throw new Error(`kugetsu completions ${shell} failed: ${made.stderr}`);
    await scratch.write(`scripts/${shell}`, made.stdout);
  }));
  await scratch.write("home/.bashrc", `PS1='${READY}'; . ${script("bash")}\n`);
  // TAB as zsh has it expands the word first, whatever the command is: it would run a $(…) by itself.
  await scratch.write(
    "home/.zshrc",
    `bindkey '^I' complete-word; PS1='${READY}'; autoload -Uz compinit; compinit -u -D; . ${
      script("zsh")
    }\n${spy(calls!)}`,
  );
  const setIndex = async (content: unknown) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await scratch.write("state/index.json", text);
  };
  await setIndex({ base: "ses_base", issues: Object.fromEntries(issues.map(asEntry)) });
  return {
    scratch,
    cwd,
    script,
    setIndex,
    async type(shell, lines) {
      await writeFile(calls!, "");
      await typeInto(commandOf(shell, scratch, script), lines, { env, cwd });
      return readTyped(await readFile(calls!, "utf8"));
    },
    async evaluate(shell, code, ...args) {
      // To bash, the first word behind the code is $0.
      const before = shell === "bash" ? ["-uc", code, shell] : ["--no-config", "-c", code];
      const options = { cwd, env, timeoutMs: LIMIT_MS };
      const { stdout, stderr } = await run(shell, [...before, ...args], options);
      return stdout + stderr;
    },
    forgeRefs: (lines) => writeFile(forged!, lines.map((line) => `${line}\n`).join("")),
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

const READY = "ready> ";
const CALLED = "kugetsu was called";

function asEntry(ref: string, index: number): [string, string] {
  return [ref, `${index}.json`];
}

/** In the place of kugetsu: writes down how it was called, and leaves the refs to the real one. */
function recorder(calls: string, forged: string): string {
  return `#!/bin/sh
if [ "$1" = __refs ]; then
  if [ -e ${forged} ]; then exec cat ${forged}; fi
  exec ${kugetsuCommand().join(" ")} "$@"
fi
line=
for word; do line="$line$word$(printf '\\037')"; done
printf 'call:%s\\n' "$line" >> ${calls}
echo ${CALLED}
`;
}

/** Zsh completes nowhere but on a terminal, and hands what it offers to compadd: here that is written down too. */
function spy(calls: string): string {
  return `compadd() {
  local -a matching
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    builtin compadd -A matching "$@"
    (( $#matching )) && printf 'offer:%s\\n' $IPREFIX$^matching >> ${calls}
  fi
  builtin compadd "$@"
}
`;
}

function commandOf(shell: Shell, scratch: Scratch, script: (shell: Shell) => string): string {
  const prompt = `function fish_prompt; echo -n "${READY}"; end; function fish_greeting; end`;
  return {
    bash: `bash --noprofile --rcfile ${scratch.join("home", ".bashrc")} -i`,
    zsh: "zsh -d -i",
    fish: `fish --no-config -C '${prompt}; source ${script("fish")}'`,
  }[shell];
}

async function typeInto(
  command: string,
  lines: string[],
  options: { env: Record<string, string>; cwd: string },
): Promise<void> {
  const terminal = spawn("script", ["-qec", command, "/dev/null"], options);
  let shown = "";
  terminal.stdout.on("data", (chunk) => shown += chunk);
  terminal.stdin.on("error", () => {});
  const ended = new Promise((resolve) => terminal.on("close", resolve));
  try {
    await until(() => hasPrompt(shown), () => shown);
    for (const [index, line] of lines.entries()) {
      terminal.stdin.write(`${line}\r`);
      // What is typed before there is a prompt again, the terminal itself would edit.
      await until(() => hasPrompt(shown.split(`${CALLED}\r`)[index + 1]), () => shown);
    }
    terminal.stdin.write("exit\r");
    await Promise.race([ended, new Promise((late) => setTimeout(late, 5000))]);
  } finally {
    terminal.kill("SIGKILL");
  }
}

function hasPrompt(shown: string | undefined): boolean {
  return shown?.includes(READY) ?? false;
}

/** What stands in the file of calls: the offers in front of each call belong to it. */
function readTyped(text: string): Typed[] {
  const parts = text.split(/^call:(.*)\n/m);
  return parts.slice(0, -1).filter((_, index) => index % 2 === 0).map((offers, index) => ({
    offers: [...offers.matchAll(/^offer:(.*)$/gm)].map((it) => it[1]!),
    args: parts[2 * index + 1]!.split("\x1f").slice(0, -1),
  }));
}

async function until(isSo: () => boolean, shown: () => string): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`It took too long; the terminal shows:\n${shown()}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}
