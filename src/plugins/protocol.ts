/**
 * What kugetsu and a plugin's process say to each other: one JSON value a line. docs/plugins.md describes it for
 * authors; everything that comes from a plugin is validated here.
 */
import * as v from "valibot";
import type { HookName } from "../api/mod.ts";
import type { Declared } from "./mod.ts";

export const API_VERSION = 1;

/** What a plugin may be asked. `params` are what serve.ts takes for the method. */
export interface Question {
  method: "parse" | "probe" | "url" | "issue" | "comment" | "hook";
  params: Record<string, unknown>;
  limitMs: number;
}

export interface Problem {
  message: string;
  /** A ForgeProblem, if it is one. */
  kind?: string | undefined;
}

/** A plugin did not do as it was asked, and why, for people. */
export class PluginFailure extends Error {
  constructor(message: string, readonly kind?: string) {
    super(message);
  }
}

/** One row for each hook: leaving one out does not compile. */
const HOOK_NAMES: Record<HookName, true> = {
  "pre-start": true,
  "post-start": true,
  "pre-continue": true,
  "post-continue": true,
  "pre-destroy": true,
  "post-destroy": true,
  "outcome": true,
};

export const PLUGIN_NAME = /^[a-z][a-z0-9-]{0,39}$/;
export const WHAT_A_NAME_IS = "a name is up to 40 lower-case letters, digits and dashes";
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;
const HOST =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$/;

const name = v.pipe(
  v.string(),
  v.regex(PLUGIN_NAME, WHAT_A_NAME_IS),
);

const hook = v.object({ order: v.optional(v.picklist(["first", "last"])) });

export const hello = v.object({
  type: v.literal("hello"),
  apiVersion: v.literal(
    API_VERSION,
    ({ received }) => `it is for version ${received}; this kugetsu has ${API_VERSION}`,
  ),
  name,
  env: v.optional(v.array(v.pipe(v.string(), v.regex(VARIABLE, "it is no variable's name"))), []),
  comments: v.optional(v.boolean(), false),
  forges: v.optional(
    v.array(v.object({
      name,
      hosts: v.optional(v.array(v.pipe(v.string(), v.regex(HOST, "it is not a host"))), []),
      probes: v.optional(v.boolean(), false),
      comments: v.optional(v.boolean(), false),
    })),
    [],
  ),
  hooks: v.optional(
    v.record(
      v.picklist(
        Object.keys(HOOK_NAMES) as HookName[],
        ({ received }) => `there is no hook ${received}`,
      ),
      hook,
    ),
    {},
  ),
  examples: v.optional(v.array(v.looseObject({})), []),
});

export type Hello = v.InferOutput<typeof hello>;

const fromPlugin = v.variant("type", [
  hello,
  v.object({
    type: v.literal("log"),
    level: v.optional(v.picklist(["info", "warn"]), "info"),
    text: v.string(),
  }),
  v.object({
    type: v.literal("result"),
    id: v.number(),
    value: v.optional(v.unknown()),
    error: v.optional(v.object({ message: v.string(), kind: v.optional(v.string()) })),
  }),
]);

export type FromPlugin = v.InferOutput<typeof fromPlugin>;

/** `tellable` makes of what it printed what may be told. @throws PluginFailure */
export function parseLine(
  line: string,
  tellable: (text: string) => string = (text) => text,
): FromPlugin {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    const shown = JSON.stringify(tellable(line).slice(0, 80));
    throw new PluginFailure(
      `it printed ${shown}, which is not JSON; what is for people goes to standard error`,
    );
  }
  const result = v.safeParse(fromPlugin, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new PluginFailure(`it said something that is not understood: ${said(issue)}`);
}

/** @throws PluginFailure */
export function read<T>(schema: v.GenericSchema<unknown, T>, value: unknown, what: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new PluginFailure(`${what} is not as it should be: ${said(result.issues[0])}`);
}

function said(issue: v.BaseIssue<unknown>): string {
  const where = v.getDotPath(issue);
  return where ? `${where}: ${issue.message}` : issue.message;
}

/** Without what only matters while it runs. */
export function declaredBy({ name, env, comments, forges, hooks }: Hello): Declared {
  return { name, env, comments, forges, hooks };
}

/** Two declarations are one if they ask for the same, in whatever order. */
export function sameDeclaration(one: Declared, other: Declared): boolean {
  return canonical(one) === canonical(other);
}

function canonical({ name, env, comments, forges, hooks }: Declared): string {
  const sorted = [...forges].sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((it) => [it.name, [...it.hosts].sort(), it.probes, it.comments]);
  const order = Object.entries(hooks).sort().map(([name, { order }]) => [name, order ?? ""]);
  return JSON.stringify([name, [...env].sort(), comments, sorted, order]);
}
