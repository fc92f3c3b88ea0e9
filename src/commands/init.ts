/** `kugetsu init`: makes or adopts the base session that issues are forked from. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { AgentSession } from "../runner/mod.ts";
import { exitStatusOf, inWords } from "../session/outcome.ts";
import type { MadeSession } from "../session/record.ts";
import type { Store } from "../store/mod.ts";
import { baseFolder, repositoryIn } from "./base.ts";
import type { Context } from "./context.ts";
import { readMessage } from "./message.ts";
import { turnSettings } from "./turn_flags.ts";

export interface InitOptions {
  force?: boolean | undefined;
  session?: string | undefined;
  /** True without a message. */
  headless?: string | boolean | undefined;
  dir?: string | undefined;
  refresh?: boolean | undefined;
}

const TITLE = "kugetsu base";

export async function init(context: Context, options: InitOptions): Promise<ExitStatus> {
  const { output } = context;
  const { session: adopted, headless, refresh, force } = options;
  if (adopted !== undefined && (headless !== undefined || refresh)) {
    throw errors.usage("Cannot adopt a session and make a new one: give --session alone");
  }
  const store = await context.store();
  const folder = adopted === undefined ? await folderOf(context, options) : undefined;
  const given = adopted === undefined ? undefined : await adopt(context, adopted, options.dir);
  const directory = given?.directory ?? folder!;
  const repository = await repositoryIn(context, directory);
  await nameDefault(context, store);
  const old = await store.standingBase(repository);
  if (old && !force && !refresh) throw errors.baseExists(old.opencode_session_id, old.repository);
  const session = given ?? await obtain(context, directory, headless);
  const base = await baseRecord(context, session, given ? "adopted" : "created", repository);
  await store.setBase(base, { replace: force === true || refresh === true });
  output.result(base, "");
  const of = repository ? ` for ${repository}` : "";
  output.note(`The base session${of} is ${session.id} in ${session.directory}.`);
  if (old) output.note(`The former base, ${old.opencode_session_id}, stays in opencode.`);
  output.note(`Next: kugetsu start ${repository ?? "github.com/user/repo"}#1 "what to do"`);
  return EXIT.ok;
}

/** The folder of the base to be made: the one that is given, or that of the base to be renewed. */
async function folderOf(context: Context, { dir, refresh }: InitOptions): Promise<string> {
  const workspace = await context.workspace();
  const here = workspace.folder(dir ?? context.cwd, "the folder for the base session");
  if (!refresh) return here;
  const store = await context.store();
  const repository = await repositoryIn(context, here);
  await nameDefault(context, store);
  const old = repository === undefined ? await store.base() : await store.baseOf(repository);
  if (old) return await baseFolder(context, old);
  const next = "kugetsu init";
  throw repository === undefined ? errors.noBase() : errors.noBaseOf(repository, next);
}

/** A default base that was made before bases had repositories gets the one that its folder is a clone of. */
async function nameDefault(context: Context, store: Store): Promise<void> {
  const base = await store.base();
  if (!base?.directory || base.repository !== undefined) return;
  const repository = await repositoryIn(context, base.directory);
  if (repository) await store.setBase({ ...base, repository }, { replace: true });
}

async function obtain(
  context: Context,
  directory: string,
  argument: string | boolean | undefined,
): Promise<AgentSession> {
  if (argument === undefined) return await viaInterface(context, directory);
  return await headless(context, directory, argument);
}

/** A session that opencode has already, in its own folder. */
async function adopt(context: Context, id: string, dir: string | undefined): Promise<AgentSession> {
  const [sessions, workspace, store] = await Promise.all([
    context.sessions(),
    context.workspace(),
    context.store(),
  ]);
  const found = (await sessions.find([id], store.folder)).get(id);
  if (!found) throw errors.noSuchOpencodeSession(id, "opencode session list");
  const directory = workspace.folder(found.directory, `the folder of session ${id}`);
  if (dir !== undefined && workspace.folder(dir, "the folder given with --dir") !== directory) {
    throw errors.wrongFolder(id, directory, dir);
  }
  return { id, directory };
}

/** opencode's own interface, on a session made beforehand, so that nobody has to guess which one it was. */
async function viaInterface(context: Context, directory: string): Promise<AgentSession> {
  if (!context.output.interactive) throw errors.noTerminal();
  const sessions = await context.sessions();
  context.output.note("Making a session in opencode …");
  const session = await make(context, directory);
  context.output.note(
    "Opening opencode on it. Tell it what every issue should know, then leave it.",
  );
  const status = await sessions.openInterface(session);
  if (status === 0) return session;
  await sessions.remove([session.id], directory);
  throw errors.opencodeFailed("open opencode", `it ended with exit status ${status}`);
}

async function headless(
  context: Context,
  directory: string,
  argument: string | boolean,
): Promise<AgentSession> {
  const given = typeof argument === "string" ? argument : undefined;
  const message = await readMessage(context, { argument: given, file: undefined });
  if (message === undefined) return await make(context, directory);
  const { worktree: _, ...settings } = await turnSettings(context, {});
  const session = await make(context, directory);
  const runner = await context.runner();
  const { outcome } = await context.untilStopped((signal) =>
    runner.turn(
      {
        ...settings,
        id: context.newId(),
        kind: "continue",
        session: session.id,
        directory,
        message,
      },
      {
        started: () => {},
        named: () => {},
        event: (event) => {
          if (event.kind === "text" && !context.output.json) {
            context.output.write(`${event.text}\n`);
          }
        },
      },
      signal,
    )
  );
  if (outcome.kind === "done") return session;
  throw errors.baseTurnEnded(inWords(outcome), session.id, exitStatusOf(outcome));
}

/** A new session, checked to be in the folder that was asked for. */
async function make(context: Context, directory: string): Promise<AgentSession> {
  const sessions = await context.sessions();
  const session = await sessions.create(directory, TITLE);
  if (session.directory === directory) return session;
  await sessions.remove([session.id], directory);
  throw errors.wrongFolder(session.id, session.directory, directory);
}

async function baseRecord(
  context: Context,
  { id, directory }: AgentSession,
  origin: "created" | "adopted",
  repository: string | undefined,
): Promise<MadeSession> {
  const [sessions, workspace] = await Promise.all([context.sessions(), context.workspace()]);
  const [commit, branch] = [await workspace.head(directory), await workspace.branch(directory)];
  return {
    type: "base",
    issue_ref: null,
    opencode_session_id: id,
    created_at: context.now(),
    state: "idle",
    directory,
    origin,
    opencode_version: await sessions.version(),
    ...(commit ? { commit } : {}),
    ...(commit && branch ? { branch } : {}),
    ...(repository ? { repository } : {}),
  };
}

export function initCommand(host: Host) {
  return newCommand("init", "make the base session that issues are forked from", [
    "kugetsu init",
    'kugetsu init --headless "Read README.md and remember the conventions."',
    "kugetsu init --session ses_abc123 --force",
    "kugetsu init --refresh --headless   # after a git pull",
  ])
    .option("--force", "replace the base that is there, once the new one is recorded")
    .option("--refresh", "renew the base that is there, in its own folder")
    .option("--session <id>", "adopt a session that opencode has already")
    .option(
      "--headless [message]",
      "make it without a terminal; with a message, run one turn in it",
    )
    .option("--dir <folder>", "the repository (default: the current folder)")
    .action((options) => host.run("init", options, (context) => init(context, options)));
}
