/** What the forges have in common: an issue and its comments behind a REST API. Each says its dialect of it. */
import type { Comment, Forge, ForgeContext, Issue, IssueRef, Person } from "../src/api/mod.ts";
import { type Api, pages, problem, refusal, request } from "./_http.ts";

export type Json = Record<string, unknown>;

export interface Dialect {
  name: string;
  hosts: readonly string[];
  /** Where paths begin. */
  api(context: ForgeContext): string;
  /** The token from the usual variables. */
  token(context: ForgeContext): string | undefined;
  /** A path that only its kind of forge answers, and whether this answer is one. */
  probe: { path: string; isOurs(status: number, json: Json, headers: Headers): boolean };
  paths: {
    repository(ref: IssueRef): string;
    issue(ref: IssueRef): string;
    /** The pull request of that number, where it is not an issue as well. */
    pullRequest?(ref: IssueRef): string;
    comments(ref: IssueRef, since: string | undefined): string;
    comment(ref: IssueRef, id: string): string;
  };
  /** How a comment is changed. */
  change: "PATCH" | "PUT";
  /** The path of an issue's page, and what it means; undefined for another page. */
  page: { path(ref: IssueRef): string; read(path: string): Omit<IssueRef, "host"> | undefined };
  readIssue(
    json: Json,
  ): Omit<Issue, "comments" | "author" | "url"> & { author: Json; pull: boolean };
  /** Undefined for what is listed among the comments but is none. */
  readComment(json: Json): Omit<Comment, "author"> & { id: string; author: Json } | undefined;
  /** The name, and what can be said of somebody's standing without asking more. */
  person(author: Json, around: Json, ref: IssueRef): Person;
  /** Asked where that is unknown and there is a token. */
  standing?(author: Json, ref: IssueRef): { path: string; isWriter(json: Json): boolean };
}

export function restForge(dialect: Dialect): Forge {
  const { name, hosts, paths, page } = dialect;
  const apiOf = (context: ForgeContext): Api => ({
    base: dialect.api(context),
    token: context.token ?? dialect.token(context),
  });
  return {
    name,
    hosts,
    async probe(context) {
      // Nobody has said that this host may have a token.
      const api = { base: dialect.api(context), token: undefined };
      const { status, json, headers } = await request(context, api, dialect.probe.path);
      return dialect.probe.isOurs(status, objectOf(json), headers);
    },
    parse(text, { host, base }) {
      const url = URL.parse(text.trim());
      const root = new URL(base).pathname.replace(/\/$/, "");
      if (url?.host.replace(/^www\./, "") !== host || !url.pathname.startsWith(`${root}/`)) return;
      const found = page.read(url.pathname.slice(root.length));
      return found && { host, ...found };
    },
    url: (ref, { base }) => base + page.path(ref),
    async issue(ref, context, { since }) {
      const api = apiOf(context);
      const json = await readOne(dialect, context, api, ref);
      const { author, pull, ...issue } = dialect.readIssue(json);
      if (pull) throw isPullRequest(ref);
      const standing = new Standing(dialect, context, api, ref);
      const comments: Comment[] = [];
      for (const one of await pages(context, api, paths.comments(ref, since))) {
        const comment = dialect.readComment(objectOf(one));
        if (!comment || OURS.test(comment.body)) continue;
        if (since !== undefined && Date.parse(comment.updatedAt) < Date.parse(since)) continue;
        const { id: _, author, ...rest } = comment;
        comments.push({ ...rest, author: await standing.of(author, objectOf(one)) });
      }
      return {
        ...issue,
        author: await standing.of(author, json),
        url: context.base + page.path(ref),
        comments,
      };
    },
    async comment(ref, context, { body, replace }) {
      const api = apiOf(context);
      const text = replace === undefined ? body : `${body}\n\n${markOf(replace)}`;
      const earlier = replace === undefined
        ? undefined
        : await ownComment(dialect, context, api, ref, markOf(replace));
      const reply = earlier === undefined
        ? await request(context, api, paths.comments(ref, undefined).split("?")[0]!, {
          method: "POST",
          body: { body: text },
        })
        : await request(context, api, paths.comment(ref, earlier), {
          method: dialect.change,
          body: { body: text },
        });
      if (reply.status >= 300) throw refusal(context, api, reply.status);
      const posted = dialect.readComment(objectOf(reply.json));
      return { url: posted?.url ?? context.base + page.path(ref) };
    },
  };
}

/** Comments that kugetsu posted: they are no news to the agent. */
const OURS = /<!-- kugetsu:[\w-]+ -->\s*$/;

function markOf(key: string): string {
  return `<!-- kugetsu:${key.replaceAll(/[^\w-]/g, "-")} -->`;
}

async function readOne(dialect: Dialect, context: ForgeContext, api: Api, ref: IssueRef) {
  const { paths } = dialect;
  const reply = await request(context, api, paths.issue(ref));
  if (reply.status === 200) return objectOf(reply.json);
  if (reply.status !== 404) throw refusal(context, api, reply.status);
  // A forge says "not found" of what one may not see, too: the repository tells which it is.
  const repository = await request(context, api, paths.repository(ref));
  if (repository.status !== 200) {
    const who = api.token === undefined ? "without a token" : "with this token";
    throw problem(
      `${context.host} shows no repository ${ref.project.join("/")} ${who}`,
      repository.status === 404 ? "no-permission" : undefined,
    );
  }
  if (paths.pullRequest) {
    const pull = await request(context, api, paths.pullRequest(ref));
    if (pull.status === 200) throw isPullRequest(ref);
  }
  throw problem(`there is no issue ${ref.number} in ${ref.project.join("/")}`, "not-found");
}

function isPullRequest({ number }: IssueRef): Error {
  return problem(`${number} is a pull or merge request, not an issue`, "pull-request");
}

/** The newest comment with that mark, if it is by whom the token belongs to: anybody can write such a mark. */
async function ownComment(
  dialect: Dialect,
  context: ForgeContext,
  api: Api,
  ref: IssueRef,
  mark: string,
): Promise<string | undefined> {
  const me = await request(context, api, "/user");
  if (me.status === 403 || me.status === 404) {
    const what =
      "it does not say whose the token is, so no comment of ours can be told from others";
    throw problem(`${context.host} does not allow it: ${what}`, "no-permission");
  }
  if (me.status !== 200) throw refusal(context, api, me.status);
  const all = await pages(context, api, dialect.paths.comments(ref, undefined));
  const own = all.flatMap((one) => dialect.readComment(objectOf(one)) ?? [])
    .filter((it) => it.author.id === objectOf(me.json).id && it.body.includes(mark));
  return own.at(-1)?.id;
}

/** Who may write, asked once for each person. */
class Standing {
  readonly #known = new Map<string, Person>();

  constructor(
    readonly dialect: Dialect,
    readonly context: ForgeContext,
    readonly api: Api,
    readonly ref: IssueRef,
  ) {}

  async of(author: Json, around: Json): Promise<Person> {
    const person = this.dialect.person(author, around, this.ref);
    if (person.standing !== "unknown") return person;
    const known = this.#known.get(person.name) ?? await this.#ask(author, person);
    this.#known.set(person.name, known);
    return known;
  }

  async #ask(author: Json, person: Person): Promise<Person> {
    const question = this.dialect.standing?.(author, this.ref);
    if (!question || this.api.token === undefined) return person;
    const { status, json } = await request(this.context, this.api, question.path);
    if (status === 404) return { ...person, standing: "reader" };
    if (status !== 200) return person;
    return { ...person, standing: question.isWriter(objectOf(json)) ? "writer" : "reader" };
  }
}

export function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** Labels are plain words, or objects with a name. */
export function labelsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.map((it) => textOf(it) || textOf(objectOf(it).name)).filter(Boolean);
}

/** `OWNER/REPOSITORY/issues/NUMBER` below the root. */
export const OWNER_PAGE: Dialect["page"] = {
  path: ({ project, number }) => `/${project.join("/")}/issues/${number}`,
  read(path) {
    const [, owner, repository, number] = /^\/([^/]+)\/([^/]+)\/issues\/(\d+)\/?$/.exec(path) ?? [];
    return number === undefined ? undefined : { project: [owner!, repository!], number };
  },
};

/** The paths of GitHub's API, which Gitea and Forgejo took over. */
export const OWNER_PATHS: Dialect["paths"] = {
  repository: ({ project }) => `/repos/${project.map(encodeURIComponent).join("/")}`,
  issue: (ref) => `${OWNER_PATHS.repository(ref)}/issues/${ref.number}`,
  comments: (ref, since) => {
    const newer = since === undefined ? "" : `&since=${encodeURIComponent(inUtc(since))}`;
    return `${OWNER_PATHS.issue(ref)}/comments?per_page=100&limit=50${newer}`;
  },
  comment: (ref, id) => `${OWNER_PATHS.repository(ref)}/issues/comments/${id}`,
};

function inUtc(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** An issue and a comment as both of them have it. */
export function readOwnerIssue(json: Json): ReturnType<Dialect["readIssue"]> {
  return {
    title: textOf(json.title),
    body: textOf(json.body),
    state: json.state === "closed" ? "closed" : "open",
    labels: labelsOf(json.labels),
    author: objectOf(json.user),
    pull: typeof json.pull_request === "object" && json.pull_request !== null,
  };
}

export function readOwnerComment(json: Json): ReturnType<Dialect["readComment"]> {
  const url = textOf(json.html_url);
  return {
    id: textOf(json.id),
    author: objectOf(json.user),
    body: textOf(json.body),
    createdAt: textOf(json.created_at),
    updatedAt: textOf(json.updated_at) || textOf(json.created_at),
    ...(url ? { url } : {}),
  };
}
