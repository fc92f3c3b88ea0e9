/** What concerns plugins and forges: single settings, and two structures that only the file can hold. Pure. */

/** A forge's host that config names. */
export interface Instance {
  /** The forge or plugin that speaks for it. */
  forge?: string | undefined;
  /** Where its pages begin, if not at https://HOST. */
  url?: string | undefined;
  /** The variable that holds the token for it. */
  token_variable?: string | undefined;
  /** A command for /bin/sh that prints the token. */
  token_command?: string | undefined;
}

export interface PluginSettings {
  /** How long a plugin may take for one thing. */
  limitMs: number;
  /** The names of plugins, in the order in which their hooks run. */
  order: string[];
  /** By host. */
  instances: Record<string, Instance>;
  /** Whose comments are read. */
  comments: "writers" | "all" | "none";
  /** A file that says how an issue becomes a task. */
  template: string | undefined;
  /** Whether opencode sees the tokens of forges that kugetsu's environment holds. */
  forgeTokens: "hide" | "pass";
}

/** A setting that is no single value: what it may be, in the words of JSON Schema. */
export interface Structure {
  name: "instances" | "plugins";
  schema: Readonly<Record<string, unknown>>;
  /** What is wrong with a value; undefined if nothing is. */
  problem(value: unknown): string | undefined;
}

const INSTANCE: Record<keyof Instance, { description: string; pattern?: string }> = {
  forge: { description: "the forge that it is: github, gitlab, forgejo, or a plugin's" },
  url: { description: "where its pages begin, if not at https://HOST", pattern: "^https?://\\S+$" },
  token_variable: {
    description: "the environment variable that holds its token",
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
  },
  token_command: { description: "a command that prints its token" },
};

const HOST = "^[a-z0-9.-]+(:[0-9]+)?$";

export const STRUCTURES: readonly Structure[] = [
  {
    name: "instances",
    schema: {
      type: "object",
      description: "hosts of forges, by name: git.example.org, or git.example.org:3000",
      propertyNames: { pattern: HOST },
      additionalProperties: {
        type: "object",
        properties: Object.fromEntries(
          Object.entries(INSTANCE).map(([name, it]) => [name, { type: "string", ...it }]),
        ),
        additionalProperties: false,
      },
    },
    problem: instancesProblem,
  },
  {
    name: "plugins",
    schema: {
      type: "array",
      description: "the names of plugins, in the order in which their hooks run",
      items: { type: "string" },
    },
    problem: (value) =>
      Array.isArray(value) && value.every((it) => typeof it === "string")
        ? undefined
        : "it is a list of plugins' names",
  },
];

function instancesProblem(value: unknown): string | undefined {
  if (!isObject(value)) return "it is an object, with hosts as its keys";
  for (const [host, instance] of Object.entries(value)) {
    if (!new RegExp(HOST).test(host)) return `"${host}" is no host in lower case`;
    if (!isObject(instance)) return `"${host}" is not an object`;
    for (const [key, text] of Object.entries(instance)) {
      const rule = INSTANCE[key as keyof Instance];
      if (!Object.hasOwn(INSTANCE, key)) return `"${host}" has an unknown key "${key}"`;
      const fits = typeof text === "string" && new RegExp(rule.pattern ?? ".").test(text);
      if (!fits) return `"${key}" of "${host}" is ${rule.description}`;
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
