/** The plugins port, over the members of `plugins/` and those that are compiled in. */
import { join } from "node:path";
import type { PluginSettings } from "../config/mod.ts";
import { address, Forges, issue, posted } from "./forges.ts";
import { type HookRun, runAfter, runBefore } from "./hooks.ts";
import { type MemberOptions, Members } from "./members.ts";
import type { Plugins } from "./mod.ts";

export interface PluginsOptions extends Omit<MemberOptions, "limitMs" | "folder"> {
  /** The state folder. */
  state: string;
  settings(): Promise<PluginSettings>;
}

export function makePlugins(options: PluginsOptions): Plugins {
  const { state, settings, env, warn } = options;
  const limitMs = async () => (await settings()).limitMs;
  const members = new Members({ ...options, folder: join(state, "plugins"), limitMs });
  let made: Promise<Forges> | undefined;
  const makeForges = async () => {
    const { instances, limitMs } = await settings();
    const all = [...await members.builtIn(), ...members.trusted()];
    return new Forges({
      members: all.filter((it) => it.declared.forges.length > 0),
      instances,
      limitMs,
      env,
      cache: join(state, "run", "forges.json"),
    });
  };
  const forges = () => made ??= makeForges();
  const comment: Plugins["comment"] = async (ref, asked) =>
    (await forges()).ask(ref, "comment", posted, asked);
  const run = async (): Promise<HookRun> => {
    const { order, limitMs } = await settings();
    return { members: members.trusted(), order, limitMs, warn, comment };
  };
  return {
    issue: async (ref, asked) => (await forges()).ask(ref, "issue", issue, asked),
    url: async (ref) => (await forges()).ask(ref, "url", address),
    comment,
    parse: async (text) => (await forges()).parse(text),
    warm(hook) {
      for (const it of members.trusted()) if (it.declared.hooks[hook]) void it.driver();
    },
    before: async (hook, given) => runBefore(hook, given, await run()),
    after: async (hook, given) => runAfter(hook, given, await run()),
    close: () => members.close(),
  };
}
