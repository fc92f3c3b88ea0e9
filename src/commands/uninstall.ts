/** `kugetsu uninstall`: takes the executable away, and all that its installer put anywhere. */
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { Context } from "./context.ts";
import { type Host, newCommand } from "./define.ts";

export interface UninstallOptions {
  purge?: boolean | undefined;
  yes?: boolean | undefined;
}

export async function uninstall(
  context: Context,
  { purge = false, yes }: UninstallOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const installation = await context.installation();
  const { executable } = installation;
  const what = purge
    ? `uninstall ${executable} and delete the state of all sessions`
    : `uninstall ${executable}`;
  if (!yes && !(output.interactive && await output.confirm(`Really ${what}?`))) {
    throw errors.notConfirmed(what, `kugetsu uninstall${purge ? " --purge" : ""} -y`);
  }
  // Turns that are not over refuse it. The service is the installer's business: it may be another executable's.
  const supervisor = await context.supervisor();
  await supervisor.shutdown({ turns: "refuse" });
  await installation.uninstall({ purge });
  output.result({ uninstalled: executable, purged: purge }, "");
  return EXIT.ok;
}

export function uninstallCommand(host: Host) {
  return newCommand("uninstall", "take kugetsu away, and leave the state", [
    "kugetsu uninstall",
    "kugetsu uninstall --purge -y",
  ])
    .option("--purge", "delete the state as well; the sessions stay in opencode")
    .option("-y, --yes", "do not ask")
    .action((options) => host.run("uninstall", options, (context) => uninstall(context, options)));
}
