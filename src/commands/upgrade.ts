/** `kugetsu upgrade`: another version in the place of this executable. */
import { errors, EXIT, type ExitStatus, reasonOf } from "../errors.ts";
import type { Change, Installation } from "../installation/mod.ts";
import { isOlder } from "../session/version.ts";
import type { Context } from "./context.ts";
import { type Host, newCommand } from "./define.ts";

export interface UpgradeCommandOptions {
  check?: boolean | undefined;
  version?: string | undefined;
  rollback?: boolean | undefined;
  baseUrl?: string | undefined;
}

export async function upgrade(
  context: Context,
  options: UpgradeCommandOptions,
): Promise<ExitStatus> {
  const { check, version, rollback, baseUrl } = options;
  if ([check, version, rollback].filter((it) => it !== undefined).length > 1) {
    throw errors.usage(
      "Cannot do more than one of --check, --version and --rollback",
      "kugetsu upgrade --help",
    );
  }
  const installation = await context.installation();
  if (check) return await tellNewest(context, baseUrl);
  const { executable } = installation;
  const { before, after } = rollback || version !== undefined
    ? await installation.upgrade(options)
    : await toNewest(context, installation, baseUrl);
  const changed = after !== before;
  const supervisor = changed ? await makeRoom(context) : undefined;
  context.output.result(
    { executable, before, after, changed, ...(supervisor ? { supervisor } : {}) },
    `kugetsu ${after}\n`,
  );
  return EXIT.ok;
}

/** Never back to an older one: whoever wants that names it. */
async function toNewest(
  { output }: Context,
  installation: Installation,
  baseUrl: string | undefined,
): Promise<Change> {
  const { version } = installation;
  const newest = await installation.newest(baseUrl);
  if (!isOlder(newest, version)) return await installation.upgrade({ version: newest, baseUrl });
  output.note(`${olderOnly(newest, version)} To go back: kugetsu upgrade --version ${newest}`);
  return { before: version, after: version };
}

function olderOnly(newest: string, version: string): string {
  return `The newest version that can be had is ${newest}, which is older than this, ${version}.`;
}

/** The supervisor of the version before is ended if it is idle. The upgrade is done, whatever becomes of that. */
async function makeRoom(context: Context): Promise<"ended" | "busy" | undefined> {
  try {
    const supervisor = await context.supervisor();
    const running = await supervisor.status();
    if (!running) return undefined;
    await supervisor.shutdown({ turns: "refuse", again: true });
    return "ended";
  } catch (error) {
    context.output.warn(
      `The supervisor of the version before still runs: ${reasonOf(error)}; to replace it while ` +
        "its turns go on, run: kugetsu supervisor restart",
    );
    return "busy";
  }
}

async function tellNewest(context: Context, baseUrl: string | undefined): Promise<ExitStatus> {
  const installation = await context.installation();
  const { version } = installation;
  const newest = await installation.newest(baseUrl);
  const found = (upgrade: boolean, text: string) =>
    context.output.result({ installed: version, newest, upgrade }, `${text}\n`);
  if (newest === version) found(false, `kugetsu ${version} is the newest version.`);
  else if (isOlder(newest, version)) found(false, olderOnly(newest, version));
  else {
    const how = "Install it with: kugetsu upgrade";
    found(true, `kugetsu ${newest} can be had; this is ${version}. ${how}`);
  }
  return EXIT.ok;
}

export function upgradeCommand(host: Host) {
  return newCommand("upgrade", "replace this executable by another version", [
    "kugetsu upgrade",
    "kugetsu upgrade --check",
    "kugetsu upgrade --version 0.1.0",
    "kugetsu upgrade --rollback",
  ])
    .option("--check", "only say which version is the newest")
    .option("--version <version>", "install this version instead of the newest, older ones too")
    .option("--rollback", "go back to the version before; again: forth")
    .option(
      "--base-url <url>",
      "where releases are: https://…, file:///…, or http:// on this machine",
    )
    .action((options) => host.run("upgrade", options, (context) => upgrade(context, options)));
}
