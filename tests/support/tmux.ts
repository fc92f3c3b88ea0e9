/**
 * A real terminal: tmux on a socket of its own, with one program in it. `await using terminal = await
 * openTerminal(world, ["list"])` runs kugetsu; the tmux server ends with the block.
 */
import { readFile } from "node:fs/promises";
import { run } from "../../scripts/_run.ts";
import { kugetsuCommand, type World } from "./opencode_home.ts";
import { until } from "./until.ts";

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  /** The repository, unless said otherwise. */
  cwd?: string;
}

export interface Terminal extends AsyncDisposable {
  /** What is or was on the screen, without empty space at the ends of lines. */
  screen(): Promise<string>;
  /** Waits until the pattern is on the screen; rejects with the screen if that never comes. */
  shows(pattern: RegExp): Promise<string>;
  /** Presses keys, by their names in tmux: `Enter`, `C-c`. */
  press(...keys: string[]): Promise<void>;
  type(text: string): Promise<void>;
  /** Waits for the program's end, and gives its exit status. */
  status(): Promise<number>;
}

/** tmux itself does not always notice an end. The trap keeps the shell through a Ctrl-C. */
const TELL_STATUS = 'trap : INT; "$@"; echo $? >"$0"';

let count = 0;

/** Runs kugetsu with these arguments. */
export async function openTerminal(
  world: World,
  args: string[],
  { columns = 100, rows = 30, cwd = world.repository }: TerminalOptions = {},
): Promise<Terminal> {
  const socket = world.scratch.join(`tmux-${++count}`);
  const tmux = async (...words: string[]) => {
    const called = ["-S", socket, "-f", "/dev/null", ...words];
    const { code, stdout, stderr } = await run("tmux", called, { cwd, env: world.env });
    if (code !== 0) throw new Error(`tmux ${words.join(" ")} failed: ${stderr}`);
    return stdout;
  };
  const size = ["-x", String(columns), "-y", String(rows)];
  const keepScreen = ["set-option", "-g", "remain-on-exit", "on", ";"];
  const ended = `${socket}.ended`;
  const command = ["sh", "-c", TELL_STATUS, ended, ...kugetsuCommand(), ...args];
  await tmux(...keepScreen, "new-session", "-d", ...size, ...command);
  // With what has scrolled away: tmux adds a line of its own when the program ends.
  const screen = async () => (await tmux("capture-pane", "-p", "-S", "-")).trimEnd();
  const status = () => readFile(ended, "utf8").catch(() => "");
  return {
    screen,
    async shows(pattern) {
      let last = "";
      await until("it is shown", async () => pattern.test(last = await screen())).catch(() => {
        throw new Error(`${pattern} never was on the screen:\n${last}`);
      });
      return last;
    },
    press: async (...keys) => void await tmux("send-keys", ...keys),
    type: async (text) => void await tmux("send-keys", "-l", text),
    async status() {
      await until("it has ended", async () => (await status()).endsWith("\n")).catch(async () => {
        throw new Error(`It did not end:\n${await screen()}`);
      });
      return Number(await status());
    },
    [Symbol.asyncDispose]: async () => void await tmux("kill-server"),
  };
}
