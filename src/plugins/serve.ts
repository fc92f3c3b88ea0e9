/**
 * A plugin as an object answers what it is asked. Both the host process and the driver of what is compiled in come
 * through here, so that no plugin gets more than another.
 */
import type {
  AfterTurn,
  BeforeTurn,
  Forge,
  ForgeContext,
  HookContext,
  HookName,
  IssueRef,
  KeyValues,
  Log,
  Plugin,
  Tools,
} from "../api/mod.ts";
import type { Question } from "./protocol.ts";

export interface Means {
  env: Record<string, string | undefined>;
  log: Log;
  store: KeyValues;
}

type Params = Record<string, unknown>;

/** What it says of itself, as the protocol has it; the other side validates it. */
export function helloOf(plugin: Plugin): Record<string, unknown> {
  const { name, apiVersion, env = [], comments, forges = [], hooks = {}, examples = [] } = plugin;
  return {
    type: "hello",
    name,
    apiVersion,
    env,
    comments,
    examples,
    forges: forges.map((forge) => ({
      name: forge.name,
      hosts: forge.hosts ?? [],
      probes: typeof forge.probe === "function",
      comments: typeof forge.comment === "function",
    })),
    hooks: Object.fromEntries(
      Object.entries(hooks).filter(([, hook]) => hook !== undefined)
        .map(([name, hook]) => [name, orderOf(name, hook)]),
    ),
  };
}

/** @throws Error for a hook that cannot be run */
function orderOf(name: string, hook: unknown): { order?: unknown } {
  if (typeof hook === "function") return {};
  const { run, order } = Object(hook) as { run?: unknown; order?: unknown };
  if (typeof run === "function") return { order };
  throw new Error(`its hook ${name} is neither a function nor an object with "run"`);
}

/** @throws whatever the plugin throws */
export async function answer(
  plugin: Plugin,
  { method, params, limitMs }: Question,
  means: Means,
): Promise<unknown> {
  const tools = toolsFor(plugin, means, limitMs);
  const given = frozen(structuredClone(params));
  return await METHODS[method](plugin, given, tools);
}

const METHODS: Record<
  Question["method"],
  (plugin: Plugin, params: Params, tools: Tools) => unknown
> = {
  parse: (plugin, params, tools) =>
    forgeOf(plugin, params).parse?.(params.text as string, forgeContext(params, tools)),
  probe: (plugin, params, tools) =>
    forgeOf(plugin, params).probe?.(forgeContext(params, tools)) ?? false,
  url: (plugin, params, tools) =>
    forgeOf(plugin, params).url(params.ref as IssueRef, forgeContext(params, tools)),
  issue: (plugin, params, tools) =>
    forgeOf(plugin, params).issue(
      params.ref as IssueRef,
      forgeContext(params, tools),
      params.options as { since?: string },
    ),
  comment(plugin, params, tools) {
    const forge = forgeOf(plugin, params);
    if (!forge.comment) throw new Error("it cannot comment");
    const options = params.options as { body: string; replace?: string };
    return forge.comment(params.ref as IssueRef, forgeContext(params, tools), options);
  },
  hook: (plugin, params, tools) => runHook(plugin, params.hook as HookName, params, tools),
};

function forgeOf(plugin: Plugin, params: Params): Forge {
  const found = plugin.forges?.find((it) => it.name === params.forge);
  if (!found) throw new Error(`it has no forge ${JSON.stringify(params.forge)}`);
  return found;
}

function forgeContext(params: Params, tools: Tools): ForgeContext {
  const { host, base, token, configured } = params as unknown as ForgeContext;
  const own = { host, base, configured, ...(token === undefined ? {} : { token }) };
  return Object.freeze({ ...tools, ...own });
}

function runHook(plugin: Plugin, name: HookName, params: Params, tools: Tools): unknown {
  const hook = plugin.hooks?.[name];
  if (!hook) throw new Error(`it has no hook ${name}`);
  const context = Object.freeze({ ...tools, ...params.context as HookContext });
  const run = (typeof hook === "function" ? hook : hook.run) as (
    context: HookContext | BeforeTurn | AfterTurn,
  ) => unknown;
  return run(context);
}

function toolsFor(plugin: Plugin, { env, log, store }: Means, limitMs: number): Tools {
  const signal = AbortSignal.timeout(limitMs);
  const declared = (plugin.env ?? []).map((name) => [name, env[name]]);
  return {
    env: Object.freeze(Object.fromEntries(declared)),
    fetch: Object.assign(
      (input: Parameters<typeof fetch>[0], init: RequestInit = {}) =>
        fetch(input, {
          ...init,
          signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal,
        }),
      fetch,
    ),
    signal,
    limitMs,
    log: Object.freeze(log),
    store: Object.freeze(store),
  };
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
