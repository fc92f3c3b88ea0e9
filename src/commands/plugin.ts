/** `kugetsu plugin`: the plugins that there are, and whether each may run. */
import { type Host, newCommand, newGroup } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { Candidate, Declared, Kind, PluginFacts } from "../plugins/mod.ts";
import type { Context } from "./context.ts";

interface Consent {
  yes?: true | undefined;
}

export async function addPlugin(
  context: Context,
  source: string,
  options: Consent,
): Promise<ExitStatus> {
  const shelf = await context.shelf();
  const again = `kugetsu plugin add ${JSON.stringify(source)} -y`;
  if (isAddress(source)) await consent(context, runOnce(source), again, options);
  return await take(context, await shelf.candidate(source), "add", again, options);
}

export async function updatePlugin(
  context: Context,
  name: string,
  options: Consent,
): Promise<ExitStatus> {
  const shelf = await context.shelf();
  const again = `kugetsu plugin update ${name} -y`;
  const { source = "" } = await shelf.find(name);
  if (isAddress(source)) await consent(context, runOnce(source), again, options);
  return await take(context, await shelf.renewed(name), "update", again, options);
}

export async function trustPlugin(
  context: Context,
  name: string,
  options: Consent,
): Promise<ExitStatus> {
  const shelf = await context.shelf();
  const again = `kugetsu plugin trust ${name} -y`;
  const { path, next } = await shelf.find(name);
  // Bytes that nobody has trusted yet: who changed them is not known either.
  if (next?.startsWith("kugetsu plugin trust")) {
    await consent(context, runOnce(path!), again, options);
  }
  return await take(context, await shelf.changed(name), "trust", again, options);
}

const isAddress = (source: string) => /^https?:\/\//i.test(source);

/** What it declares is only known by running it, and nobody has looked at what came from the web. */
const runOnce = (source: string) => `load ${source} and run it once to see what it declares`;

/** Shows what it declares, asks, and pins it. */
async function take(
  context: Context,
  candidate: Candidate,
  verb: "add" | "update" | "trust",
  again: string,
  options: Consent,
): Promise<ExitStatus> {
  const { output } = context;
  const { declared, sha256, before } = candidate;
  try {
    output.note(`The plugin "${declared.name}", sha256 ${sha256}:`);
    for (const line of declarationLines(declared, before)) output.note(`  ${line}`);
    output.note("  It runs with your rights: this is no sandbox.");
    await consent(context, `${verb} the plugin ${declared.name}`, again, options);
    const facts = await candidate.commit();
    output.result(facts, "");
    const did = { add: "Added", update: "Updated", trust: "Trusted" }[verb];
    output.note(`${did} the plugin "${declared.name}".`);
    return EXIT.ok;
  } finally {
    await candidate.discard();
  }
}

async function consent(context: Context, what: string, next: string, { yes }: Consent) {
  const { output } = context;
  if (yes || (output.interactive && await output.confirm(`Really ${what}?`))) return;
  throw errors.notConfirmed(what, next);
}

/** What it asks for, and what is new in that. */
function declarationLines(declared: Declared, before: Declared | undefined): string[] {
  const [asked, had] = [askedFor(declared), before && askedFor(before)];
  return Object.entries(asked).map(([what, values]) => {
    const shown = values.map((it) => had && !had[what]?.includes(it) ? `${it} (new)` : it);
    return `${`${what}:`.padEnd(13)}${shown.join(", ") || "none"}`;
  });
}

function askedFor({ forges, hooks, env, comments }: Declared): Record<string, string[]> {
  return {
    hosts: forges.flatMap((it) => [...it.hosts, ...(it.probes ? ["any that it recognises"] : [])]),
    hooks: Object.entries(hooks).map(([name, { order }]) => order ? `${name} (${order})` : name),
    environment: env,
    ...(comments ? { comments: ["on the issue, with your token"] } : {}),
  };
}

export async function listPlugins(context: Context): Promise<ExitStatus> {
  const { output } = context;
  const all = await (await context.shelf()).list();
  const rows = all.map((it) => {
    const { hosts, hooks } = askedFor(it);
    return [it.name, stateOf(it), [...hosts!, ...hooks!].join(", ") || "-"];
  });
  output.result(all, await output.table(["PLUGIN", "STATE", "HOSTS AND HOOKS"], rows));
  for (const { name, problem, next } of all) {
    if (problem) {
      output.warn(`"${name}" is refused: ${problem}; run: ${next}`);
    }
  }
  return EXIT.ok;
}

function stateOf({ builtIn, enabled, problem }: PluginFacts): string {
  return builtIn ? "built in" : !enabled ? "disabled" : problem ? "refused" : "enabled";
}

export async function pluginInfo(context: Context, name: string): Promise<ExitStatus> {
  const facts = await (await context.shelf()).find(name);
  const more = {
    source: facts.source,
    file: facts.path,
    sha256: facts.sha256,
    problem: facts.problem,
    next: facts.next,
  };
  const lines = [
    `name:        ${facts.name}`,
    `state:       ${stateOf(facts)}`,
    ...declarationLines(facts, undefined),
    ...Object.entries(more).flatMap(([what, value]) =>
      value === undefined ? [] : [`${`${what}:`.padEnd(13)}${value}`]
    ),
  ];
  context.output.result(facts, lines.map((line) => `${line}\n`).join(""));
  return EXIT.ok;
}

export async function enablePlugin(
  context: Context,
  name: string,
  enabled: boolean,
): Promise<ExitStatus> {
  await (await context.shelf()).enable(name, enabled);
  context.output.result({ name, enabled }, "");
  context.output.note(`The plugin "${name}" is ${enabled ? "enabled" : "disabled"}.`);
  return EXIT.ok;
}

export async function removePlugin(
  context: Context,
  name: string,
  options: Consent,
): Promise<ExitStatus> {
  const shelf = await context.shelf();
  const what = `remove the plugin ${name} and all that it has kept`;
  await consent(context, what, `kugetsu plugin remove ${name} -y`, options);
  await shelf.remove(name);
  context.output.result({ removed: name }, "");
  context.output.note(`Removed the plugin "${name}".`);
  return EXIT.ok;
}

export async function checkPlugin(context: Context, nameOrPath: string): Promise<ExitStatus> {
  const { output } = context;
  const checked = await (await context.shelf()).check(nameOrPath);
  const lines = checked.map(({ what, ms, problem }) =>
    problem === undefined ? `ok     ${what} (${ms} ms)` : `wrong  ${what}: ${problem}`
  );
  const failures = checked.filter((it) => it.problem !== undefined).length;
  output.result({ ok: failures === 0, checks: checked }, lines.map((it) => `${it}\n`).join(""));
  if (checked.length === 1 && failures === 0) output.note("It has no examples to run.");
  if (failures > 0) throw errors.pluginFailsCheck(nameOrPath, failures);
  return EXIT.ok;
}

interface NewOptions {
  forge?: true | undefined;
  hook?: true | undefined;
  exec?: true | undefined;
}

export async function newPlugin(
  context: Context,
  name: string,
  { forge, hook, exec }: NewOptions,
): Promise<ExitStatus> {
  const kinds = Object.entries({ forge, hook, exec }).flatMap(([kind, is]) => is ? [kind] : []);
  if (kinds.length !== 1) {
    throw errors.usage("Cannot tell what to begin: give one of --forge, --hook and --exec", {
      next: `kugetsu plugin new ${name} --hook`,
    });
  }
  const files = await (await context.shelf()).create(name, kinds[0] as Kind, name);
  context.output.result({ folder: name, files }, "");
  context.output.note(
    `Wrote ${files.length} files to ${name}. Next: kugetsu plugin check ./${name}`,
  );
  return EXIT.ok;
}

const NAME = "its name, as plugin list shows it";

export function pluginCommand(host: Host) {
  const plugin = newGroup("plugin", "add, show and check plugins for forges and hooks", [
    "kugetsu plugin new polite --hook && kugetsu plugin check ./polite",
    "kugetsu plugin add ./polite",
    "kugetsu plugin list",
  ]);
  const add = (command: unknown) => plugin.addCommand(command as ReturnType<typeof newCommand>);
  const sub = (name: string, summary: string, example: string) =>
    newCommand(name, summary, [`kugetsu plugin ${example}`]);
  const asking = (name: string, summary: string, example: string) =>
    sub(name, summary, example).option("-y, --yes", "do not ask");

  add(
    asking("add", "copy a plugin, show what it declares, and trust it", "add ./polite.ts")
      .argument("<source>", "a file, a folder, or the https address of a file")
      .action((source, options) =>
        host.run("plugin", options, (it) => addPlugin(it, source, options))
      ),
  );
  add(
    sub("list", "list all plugins; runs none", "list")
      .action((options) => host.run("plugin", options, listPlugins)),
  );
  add(
    sub("info", "show one plugin", "info github").argument("<name>", NAME)
      .action((name, options) => host.run("plugin", options, (it) => pluginInfo(it, name))),
  );
  add(
    asking("remove", "take a plugin away", "remove polite").argument("<name>", NAME)
      .action((name, options) =>
        host.run("plugin", options, (it) => removePlugin(it, name, options))
      ),
  );
  add(
    sub("enable", "let a plugin run again", "enable polite").argument("<name>", NAME)
      .action((name, options) => host.run("plugin", options, (it) => enablePlugin(it, name, true))),
  );
  add(
    sub("disable", "keep a plugin, but do not run it", "disable polite").argument("<name>", NAME)
      .action((name, options) =>
        host.run("plugin", options, (it) => enablePlugin(it, name, false))
      ),
  );
  add(
    asking("update", "copy a plugin anew from where it came from", "update polite")
      .argument("<name>", NAME)
      .action((name, options) =>
        host.run("plugin", options, (it) => updatePlugin(it, name, options))
      ),
  );
  add(
    asking("trust", "trust a plugin as it lies in the state folder now", "trust polite")
      .argument("<name>", NAME)
      .action((name, options) =>
        host.run("plugin", options, (it) => trustPlugin(it, name, options))
      ),
  );
  add(
    sub("check", "load a plugin, run its examples, and time it", "check ./polite")
      .argument("<plugin>", "its name, or the path of a file or folder")
      .action((name, options) => host.run("plugin", options, (it) => checkPlugin(it, name))),
  );
  add(
    sub("new", "write the beginning of a plugin to a new folder", "new polite --hook")
      .argument("<name>", "its name, and that of the folder")
      .option("--forge", "one that speaks for a forge, in TypeScript")
      .option("--hook", "one with hooks, in TypeScript")
      .option("--exec", "a program in any language, here Python")
      .action((name, options) => host.run("plugin", options, (it) => newPlugin(it, name, options))),
  );
  return plugin;
}
