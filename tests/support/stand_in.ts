/**
 * A stand-in for opencode, for what cannot be asked of the real one: hundreds of turns a second, and faults on
 * demand. It is a script named `opencode` that speaks the event stream of `opencode run --format json`, knows
 * `--version`, and leaves `serve` to stand_in_server.ts. tests/e2e/stand_in.test.ts checks it against the real one.
 *
 * What a turn does is told by `standIn.does(…)`, from then on or (with `once`) for the next call alone:
 *
 * | order | a turn |
 * |---|---|
 * | `say TEXT` | says TEXT and ends; without any order it says `ok` |
 * | `many COUNT` | says `ok` COUNT times |
 * | `slow COUNT SECONDS` | says `ok` COUNT times, SECONDS apart |
 * | `huge BYTES` | says a text of BYTES bytes, in one line |
 * | `silent` | ends well without having printed anything |
 * | `hang` | prints nothing, ever |
 * | `stall` | prints its first event and then nothing, ever |
 * | `stubborn` | the same, and ignores SIGINT and SIGTERM |
 * | `orphan` | the same, with a grandchild in a session of its own |
 * | `cut` | ends well in the middle of its second line |
 * | `garbage` | prints lines that are no events before and after its text |
 * | `die SIGNAL` | kills itself after its first event |
 * | `blocked` | is refused a permission: ends well, without a text |
 * | `refuse STATUS` | reports that the provider answered with STATUS |
 * | `locked` | fails because the database is locked |
 * | `collide` | fails as the real one does when two migrate its database at once |
 * | `lost` | does not know the session |
 * | `exit CODE TEXT` | prints TEXT on standard error and exits with CODE |
 *
 * Without an order for it, a turn on a session that does not exist fails as `lost` does.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { OPENCODE_VERSION } from "../../scripts/opencode.ts";

/** One call of the stand-in, in the order of their beginnings. */
export interface StandInCall {
  cwd: string;
  args: string[];
  /** What it read; empty for calls other than `run`. */
  input: string;
}

export interface StandIn {
  /** The folder to put on PATH. */
  readonly folder: string;
  does(order: string, options?: { once?: boolean }): Promise<void>;
  /** Makes a session known, as if it had been made earlier in that folder. */
  addSession(id: string, directory: string): Promise<void>;
  sessions(): Promise<string[]>;
  calls(): Promise<StandInCall[]>;
}

export async function installStandIn(root: string): Promise<StandIn> {
  const folder = join(root, "bin");
  const [calls, sessions] = [join(root, "calls"), join(root, "sessions")];
  for (const each of [folder, calls, sessions]) await mkdir(each, { recursive: true });
  await writeFile(join(root, "order"), "say ok\n");
  const script = await readFile(join(HERE, "stand_in.sh"), "utf8");
  const server = [process.execPath, "run", "-A", "--no-config", join(HERE, "stand_in_server.ts")];
  const settings = [
    "#!/bin/sh",
    `root=${quoted(root)}`,
    `version=${quoted(OPENCODE_VERSION)}`,
    `server() { exec ${[...server, root].map(quoted).join(" ")}; }`,
  ];
  await writeFile(join(folder, "opencode"), `${settings.join("\n")}\n${script}`, { mode: 0o755 });
  return {
    folder,
    does: (order, { once = false } = {}) => give(root, (once ? "once " : "") + escaped(order)),
    addSession: (id, directory) => writeFile(join(sessions, id), directory),
    sessions: () => readdir(sessions),
    calls: () => readCalls(calls),
  };
}

const HERE = dirname(fileURLToPath(import.meta.url));

/** A call that begins meanwhile sees the old order or the new one, never half of it. */
async function give(root: string, order: string): Promise<void> {
  await writeFile(join(root, "order.new"), `${order}\n`);
  await rm(join(root, "taken"), { force: true });
  await rename(join(root, "order.new"), join(root, "order"));
}

/** The script puts a text into its JSON as it stands. */
function escaped(order: string): string {
  return order.startsWith("say ") ? JSON.stringify(order).slice(1, -1) : order;
}

async function readCalls(folder: string): Promise<StandInCall[]> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".input"));
  const read = names.map(async (name) => {
    const path = join(folder, name);
    const [cwd = "", ...args] = (await readFile(path, "utf8")).split("\0").slice(0, -1);
    const input = await readFile(`${path}.input`, "utf8").catch(() => "");
    return { began: (await stat(path, { bigint: true })).mtimeNs, call: { cwd, args, input } };
  });
  const all = await Promise.all(read);
  return all.sort((a, b) => (a.began < b.began ? -1 : 1)).map(({ call }) => call);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
