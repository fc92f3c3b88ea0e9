/** `kugetsu init`: makes or adopts the base session that issues are forked from. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus, type KugetsuError, reasonOf } from "../errors.ts";
import type { AgentSession, TurnWatch } from "../runner/mod.ts";
import { exitStatusOf, inWords } from "../session/outcome.ts";
import type { MadeSession } from "../session/record.ts";
import type { Store } from "../store/mod.ts";
import { baseFolder, factsOf, repositoryIn } from "./base.ts";
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
/** What opencode would not even look for. */
const SESSION_ID = /^ses_\w+$/;

export async function init(context: Context, options: InitOptions): Promise<ExitStatus> {
  const { output } = context;
  const { session: adopted, headless, refresh, force } = options;
  if (adopted !== undefined && (headless !== undefined || refresh)) {
    throw errors.usage(
      "Cannot adopt a session and make a new one: give --session without --headless and --refresh",
      "kugetsu init --help",
    );
  }
  if (adopted !== undefined && !SESSION_ID.test(adopted)) throw errors.badSessionId(adopted);
  const store = await context.store();
  const given = adopted === undefined ? undefined : await adopt(context, adopted, options.dir);
  const directory = given?.directory ?? await folderOf(context, options);
  const repository = await repositoryIn(context, directory);
  await nameDefault(context, store);
  const old = await store.standingBase(repository);
  const replace = force === true || refresh === true;
  if (old && !replace) {
    throw standing(old, directory, repository, headless !== undefined);
  }
  const base = given
    ? await record(context, given, "adopted", replace)
    : await makeBase(context, directory, headless, replace);
  output.result(base, "");
  const of = repository ? ` for ${repository}` : "";
  output.note(`The base session${of} is ${base.opencode_session_id} in ${directory}.`);
  if (old && old.opencode_session_id !== base.opencode_session_id) {
    const whose = old.repository === base.repository ? "" : ` that of ${old.repository},`;
    output.note(`The former base, ${old.opencode_session_id},${whose} is not deleted in opencode.`);
  }
  output.note(`Next: kugetsu start ${repository ?? "github.com/user/repo"}#1 "what to do"`);
  return EXIT.ok;
}

/** What keeps a base from being made, in the words of whose base it would replace. */
function standing(
  { opencode_session_id: id, ...old }: MadeSession,
  directory: string,
  repository: string | undefined,
  headless: boolean,
): KugetsuError {
  const isOther = repository === undefined && old.directory && old.directory !== directory;
  if (!isOther) return errors.baseExists(id, old.repository, headless);
  return errors.baseElsewhere(directory, { ...old, directory: old.directory! }, headless);
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
  if (old) {
    const standing = await baseFolder(context, old);
    // What is of no repository is the default base's own folder, or nobody's.
    if (repository !== undefined || here === standing) return standing;
    throw errors.noBaseToRefresh(here, standing);
  }
  const next = "kugetsu init";
  throw repository === undefined ? errors.noBase() : errors.noBaseOf(repository, next);
}

/** A default base that was made before bases had repositories gets the one that its folder is a clone of. */
async function nameDefault(context: Context, store: Store): Promise<void> {
  const base = await store.base();
  if (!base?.directory || base.repository !== undefined) return;
  const repository = await repositoryIn(context, base.directory);
  if (repository && !await store.baseOf(repository)) {
    await store.setBase({ ...base, repository }, { replace: true });
  }
}

/** A session that opencode has already, in its own folder. */
async function adopt(context: Context, id: string, dir: string | undefined): Promise<AgentSession> {
  const [sessions, workspace, store] = await Promise.all([
    context.sessions(),
    context.workspace(),
    context.store(),
  ]);
  const { sessions: mapped } = await store.list();
  const issue = mapped.find(({ record }) => record?.opencode_session_id === id);
  if (issue) throw errors.sessionMapped(id, issue.key);
  const has = await context.untilStopped((signal) => sessions.find([id], signal));
  const found = has.get(id);
  if (!found) throw errors.noSuchOpencodeSession(id, "opencode session list");
  const directory = workspace.folder(found.directory, `the folder of session ${id}`);
  if (dir !== undefined && workspace.folder(dir, "the folder given with --dir") !== directory) {
    throw errors.wrongFolder(id, directory, dir);
  }
  return { id, directory };
}

async function makeBase(
  context: Context,
  directory: string,
  said: string | boolean | undefined,
  replace: boolean,
): Promise<MadeSession> {
  const argument = typeof said === "string" ? said : undefined;
  const message = await readMessage(context, { argument, file: undefined });
  return await context.untilStopped(async (signal) => {
    const session = said === undefined
      ? await viaInterface(context, directory, signal)
      : await headless(context, directory, message, signal);
    return await orTakeBack(context, session, () => {
      if (signal.aborted) throw errors.stopped("make the base session", signal.reason);
      return record(context, session, "created", replace);
    });
  });
}

/** opencode's own interface, on a session made beforehand, so that nobody has to guess which one it was. */
async function viaInterface(
  context: Context,
  directory: string,
  signal: AbortSignal,
): Promise<AgentSession> {
  if (!context.output.interactive) throw errors.noTerminal();
  const sessions = await context.sessions();
  context.output.note("Making a session in opencode …");
  const session = await make(context, directory, signal);
  context.output.note(
    "Opening opencode on it. Tell it what every issue should know, then leave it.",
  );
  return await orTakeBack(context, session, async () => {
    const status = await sessions.openInterface(session, signal);
    if (status === 0) return session;
    throw errors.opencodeFailed("open opencode", `it ended with exit status ${status}`);
  });
}

async function headless(
  context: Context,
  directory: string,
  message: string | undefined,
  signal: AbortSignal,
): Promise<AgentSession> {
  if (message === undefined) return await make(context, directory, signal);
  const { model, agent, permissions, limits } = await turnSettings(context, {});
  const session = await make(context, directory, signal);
  const turn = {
    ...{ model, agent, permissions, limits },
    id: context.newId(),
    kind: "continue" as const,
    session: session.id,
    directory,
    message,
  };
  const { outcome } = await orTakeBack(context, session, async () => {
    const runner = await context.runner("run");
    return await runner.turn(turn, showing(context), signal);
  });
  if (outcome.kind === "done") return session;
  // What was said in it may be worth keeping: the error tells how.
  throw errors.baseTurnEnded(inWords(outcome), session.id, exitStatusOf(outcome));
}

/** Shows what the agent says. */
function showing({ output }: Context): TurnWatch {
  return {
    started: () => {},
    named: () => {},
    event(event) {
      if (event.kind === "text" && !output.json) output.write(`${event.text}\n`);
    },
  };
}

/** A new session, checked to be in the folder that was asked for. */
async function make(
  context: Context,
  directory: string,
  signal: AbortSignal,
): Promise<AgentSession> {
  const sessions = await context.sessions();
  const session = await sessions.create(directory, TITLE, signal);
  return await orTakeBack(context, session, () => {
    if (session.directory === directory) return Promise.resolve(session);
    throw errors.wrongFolder(session.id, session.directory, directory);
  });
}

/** Does something with a session that was made for it, and removes that from opencode if it fails. */
async function orTakeBack<T>(
  context: Context,
  session: AgentSession,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // The first error matters; of a second one is told what it leaves behind.
    await takeBack(context, session).catch((second) =>
      context.output.warn(`Session ${session.id} stays in opencode: ${reasonOf(second)}`)
    );
    throw error;
  }
}

async function takeBack(context: Context, { id }: AgentSession): Promise<void> {
  const [sessions, store] = await Promise.all([context.sessions(), context.store()]);
  // It may be recorded all the same, where only the last step of writing failed.
  if ((await store.bases()).some((base) => base.opencode_session_id === id)) return;
  await sessions.remove([id], new AbortController().signal);
}

async function record(
  context: Context,
  { id, directory }: AgentSession,
  origin: "created" | "adopted",
  replace: boolean,
): Promise<MadeSession> {
  const store = await context.store();
  const base: MadeSession = {
    type: "base",
    issue_ref: null,
    opencode_session_id: id,
    created_at: context.now(),
    state: "idle",
    directory,
    origin,
    ...await factsOf(context, directory),
  };
  await store.setBase(base, { replace });
  return base;
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
