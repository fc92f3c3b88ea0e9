/**
 * The types of kugetsu's plugins: all that a plugin and kugetsu know of each other. Types only.
 *
 * The version is `apiVersion`. What is added stays optional; anything else is a new version. A plugin is one
 * default export:
 *
 * ```ts
 * import type { Plugin } from "kugetsu";
 *
 * export default {
 *   name: "polite",
 *   apiVersion: 1,
 *   hooks: {
 *     "pre-start": (context) => ({ message: `Please: ${context.message}` }),
 *   },
 *   examples: [
 *     { hook: "pre-start", given: { message: "go" }, gives: { message: "Please: go" } },
 *   ],
 * } satisfies Plugin;
 * ```
 */
export interface Plugin {
  /** Lower-case letters, digits and dashes; the name that every message about it has. */
  readonly name: string;
  readonly apiVersion: 1;
  /** The variables of kugetsu's environment that it gets; it sees no others of them. */
  readonly env?: readonly string[];
  /** Whether its hooks may have a comment posted on the issue, with the user's token: see Report. */
  readonly comments?: boolean;
  readonly forges?: readonly Forge[];
  readonly hooks?: Hooks;
  /** What `kugetsu plugin check` runs. */
  readonly examples?: readonly Example[];
}

/** One issue of one repository: `git.example.org/group/widget#14`. */
export interface IssueRef {
  /** Lower-case host, with `:port` where there is one. */
  readonly host: string;
  /** Path of the repository below the host: two segments or more (groups may be nested). */
  readonly project: readonly string[];
  /** The issue's number, without leading zeros. */
  readonly number: string;
}

/**
 * What speaks for the issues of some hosts. Methods that ask the forge should use `context.fetch`.
 *
 * ```ts
 * import type { Plugin } from "kugetsu";
 *
 * export default {
 *   name: "acme",
 *   apiVersion: 1,
 *   env: ["ACME_TOKEN"],
 *   forges: [{
 *     name: "acme",
 *     hosts: ["issues.acme.example"],
 *     parse(text) {
 *       const found = /^https:\/\/issues\.acme\.example\/(\w+)\/(\w+)\/(\d+)$/.exec(text);
 *       if (!found) return undefined;
 *       return { host: "issues.acme.example", project: [found[1]!, found[2]!], number: found[3]! };
 *     },
 *     url: (ref) => `https://${ref.host}/${ref.project.join("/")}/${ref.number}`,
 *     async issue(ref, context) {
 *       const reply = await context.fetch(`${context.base}/api/${ref.project.join("/")}/${ref.number}`, {
 *         headers: { authorization: `Bearer ${context.env.ACME_TOKEN}` },
 *         signal: context.signal,
 *       });
 *       if (reply.status === 404) {
 *         throw Object.assign(new Error("there is no such issue"), { kind: "not-found" });
 *       }
 *       const { title, text, open, by } = await reply.json();
 *       return {
 *         title,
 *         body: text,
 *         state: open ? "open" : "closed",
 *         author: { name: by, standing: "unknown" },
 *         labels: [],
 *         url: `https://${ref.host}/${ref.project.join("/")}/${ref.number}`,
 *         comments: [],
 *       };
 *     },
 *   }],
 *   examples: [
 *     { parse: "https://issues.acme.example/web/shop/7", gives: "issues.acme.example/web/shop#7" },
 *     {
 *       issue: "issues.acme.example/web/shop#7",
 *       replies: {
 *         "/api/web/shop/7": { json: { title: "It breaks", text: "Often.", open: true, by: "ada" } },
 *       },
 *       gives: { title: "It breaks", state: "open" },
 *     },
 *     { issue: "issues.acme.example/web/shop#8", replies: {}, fails: "not-found" },
 *   ],
 * } satisfies Plugin;
 * ```
 */
export interface Forge {
  readonly name: string;
  /** The hosts that it speaks for. */
  readonly hosts?: readonly string[];
  /** Whether `context.host`, which nobody speaks for, is one of its kind. It gets no token. */
  probe?(context: ForgeContext): Promise<boolean> | boolean;
  /** The issue that a text means, usually a web address; undefined for what is not its own. */
  parse?(text: string, context: ForgeContext): Promise<IssueRef | undefined> | IssueRef | undefined;
  /** The issue's web address. */
  url(ref: IssueRef, context: ForgeContext): Promise<string> | string;
  /** The issue with its comments, or only those that are new or changed since a time. */
  issue(ref: IssueRef, context: ForgeContext, options: { since?: string }): Promise<Issue>;
  /** Posts a comment. With `replace`, its own comment of that key is changed, if there is one. */
  comment?(
    ref: IssueRef,
    context: ForgeContext,
    options: { body: string; replace?: string },
  ): Promise<{ url: string }>;
}

/** What a forge's methods work with. */
export interface ForgeContext extends Tools {
  readonly host: string;
  /** Where the host's pages begin: `https://HOST`, or what config says. */
  readonly base: string;
  /** The token that config names for this host. */
  readonly token?: string;
  /** Whether config names this host as one of this forge's. */
  readonly configured: boolean;
}

/** What an error of a forge may have as `kind`, so that kugetsu can say what helps. */
export type ForgeProblem =
  | "not-found"
  | "no-permission"
  | "gone"
  | "pull-request"
  | "rate-limited"
  | "unreachable";

export interface Issue {
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly author: Person;
  readonly labels: readonly string[];
  readonly url: string;
  readonly comments: readonly Comment[];
}

export interface Comment {
  readonly author: Person;
  readonly body: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly url?: string;
}

/** `writer` is who may push to the repository; `unknown` where the forge would not say. */
export interface Person {
  readonly name: string;
  readonly standing: "writer" | "reader" | "unknown";
}

/**
 * What each hook is. `sequential`: one after the other, each sees what the one before has changed, and may refuse.
 * `all`: every one runs, at most a report comes back, and a failure is a warning.
 */
export interface HookTypes {
  "pre-start": Sequential<BeforeTurn, Amendment | Refusal | void>;
  "post-start": All<AfterTurn>;
  "pre-continue": Sequential<BeforeTurn, Amendment | Refusal | void>;
  "post-continue": All<AfterTurn>;
  "pre-destroy": Sequential<HookContext, Refusal | void>;
  "post-destroy": All<HookContext>;
  /** After each turn, before post-start or post-continue. */
  "outcome": All<AfterTurn>;
}

export type HookName = keyof HookTypes;

export interface Sequential<C, R> {
  readonly kind: "sequential";
  readonly context: C;
  readonly result: R;
}

export interface All<C> {
  readonly kind: "all";
  readonly context: C;
  readonly result: Report | void;
}

export type Hooks = { readonly [H in HookName]?: Hook<HookTypes[H]> };

/**
 * A function, or one with a place in the order: those that are `first`, then the others, then those that are `last`.
 *
 * ```ts
 * import type { Plugin } from "kugetsu";
 *
 * export default {
 *   name: "office-hours",
 *   apiVersion: 1,
 *   hooks: {
 *     "pre-destroy": {
 *       order: "first",
 *       async run({ ref, store }) {
 *         const kept = await store.get(ref.project.join("/"));
 *         return kept === "keep" ? { refuse: "this repository's sessions are kept" } : undefined;
 *       },
 *     },
 *     outcome: ({ outcome, log }) => log.info(`it ended: ${outcome.kind}`),
 *   },
 *   examples: [{ hook: "pre-destroy" }],
 * } satisfies Plugin;
 * ```
 */
export type Hook<T extends { context: unknown; result: unknown }> =
  | Run<T>
  | { readonly order?: "first" | "last"; readonly run: Run<T> };

type Run<T extends { context: unknown; result: unknown }> = (
  context: T["context"],
) => T["result"] | Promise<T["result"]>;

/** What the turn is begun with in place of what was given. */
export interface Amendment {
  readonly message?: string;
  readonly model?: string;
  readonly agent?: string;
}

/** The command ends with exit code 9 and this reason. */
export interface Refusal {
  readonly refuse: string;
}

/**
 * What the issue is to be told: kugetsu has its forge post it. It is one comment for each plugin and issue, which the
 * next report changes. Only for a plugin with `comments: true`.
 *
 * ```ts
 * import type { Plugin } from "kugetsu";
 *
 * export default {
 *   name: "report",
 *   apiVersion: 1,
 *   comments: true,
 *   hooks: {
 *     outcome: ({ outcome }) => ({ comment: `The work on this is ${outcome.kind}.` }),
 *   },
 *   examples: [{ hook: "outcome", gives: { comment: "The work on this is done." } }],
 * } satisfies Plugin;
 * ```
 */
export interface Report {
  readonly comment: string;
}

/** Frozen: what a hook changes, it returns. */
export interface HookContext extends Tools {
  readonly ref: IssueRef;
  /** The session's record as it is stored; null where there is none yet. */
  readonly record: { readonly state: string; readonly [field: string]: unknown } | null;
  /** Only if the command has read it. */
  readonly issue?: Issue;
  /** The folder that the session's turns run in. */
  readonly folder?: string;
}

export interface BeforeTurn extends HookContext {
  readonly message: string;
  readonly model?: string;
  readonly agent?: string;
}

export interface AfterTurn extends HookContext {
  readonly message: string;
  readonly outcome: Outcome;
}

/** How a turn ended. */
export interface Outcome {
  readonly kind: "done" | "failed" | "blocked" | "stalled" | "timeout" | "cancelled";
  readonly detail?: string;
  /** What the agent said last. */
  readonly text: string;
}

/** What every method gets. */
export interface Tools {
  /** The declared variables, those that are set. */
  readonly env: { readonly [name: string]: string | undefined };
  readonly fetch: typeof fetch;
  /** Aborted when the time for this call is over. */
  readonly signal: AbortSignal;
  /** How long this call may take in all. */
  readonly limitMs: number;
  readonly log: Log;
  readonly store: KeyValues;
}

/** Warnings are shown; the rest is shown under --debug. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
}

/** A store of the plugin's own, kept between calls: JSON values by key. */
export interface KeyValues {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
}

/**
 * Something that `kugetsu plugin check` tries: a text and the ref that it means, what a forge makes of replies, or a
 * hook and what it gives.
 */
export type Example =
  | { readonly parse: string; readonly gives: string | null }
  | ForgeExample
  | {
    readonly hook: HookName;
    /** The ref `git.example.org/group/widget#1`, the message "go" and the outcome `done`, unless said otherwise. */
    readonly given?: {
      readonly ref?: IssueRef;
      readonly message?: string;
      readonly outcome?: Outcome;
      readonly issue?: Issue;
    };
    readonly gives?: Amendment | Refusal | Report;
  };

/** `context.base` leads to a server that gives these replies, and to nothing else. */
export type ForgeExample =
  | FromReplies<Issue> & {
    /** The issue that is read: `git.example.org/group/widget#1`. */
    readonly issue: string;
    readonly since?: string;
  }
  | FromReplies<{ readonly url: string }> & {
    /** The issue that is commented on. */
    readonly comment: string;
    readonly body: string;
    readonly replace?: string;
  };

export interface FromReplies<T> {
  /** By request, `GET /path` or `POST /path`, with the query only where it matters. To others the answer is 404. */
  readonly replies: { readonly [request: string]: Reply };
  /** What the answer must hold; what is left out is not looked at. */
  readonly gives?: Partial<T>;
  /** The kind of error that must come in place of an answer. */
  readonly fails?: ForgeProblem;
}

export interface Reply {
  /** 200, unless said otherwise. */
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  readonly json?: unknown;
}
