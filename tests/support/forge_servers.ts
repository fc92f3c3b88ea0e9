/**
 * Forges on loopback, one of each kind. Their replies begin with the samples that the forges publish
 * (tests/plugins/samples); a test changes what they say, and reads what they were asked.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { IssueRef } from "../../src/api/mod.ts";
import { ROOT } from "../../scripts/_checkout.ts";

type Json = Record<string, unknown>;

export interface Asked {
  method: string;
  /** Path and query. */
  path: string;
  token: string | undefined;
  body: Json | undefined;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  /** In place of JSON. */
  text?: string;
  /** Never answers. */
  hangs?: boolean;
}

/** What kinds of forges differ in, for the tests. */
export interface ForgeKind {
  name: string;
  /** Where its API begins. */
  api: string;
  /** The repository and the issue that the samples are about. */
  project: string[];
  number: string;
  paths: { repository: string; issue: string; comments: string; comment: string; pull: string };
  issue: Json;
  /** A comment by somebody who may write and one by somebody who may not. */
  comments: Json[];
  /** What is answered to a question about a person's standing: path and reply. */
  standing: Record<string, Json>;
  /** The reply that makes it known. */
  probe: { path: string } & Answer;
  /** A comment's text in its words. */
  commentOf(id: number, author: Json, body: string, time: string): Json;
  author(name: string, id: number): Json;
  change: string;
}

async function sample(name: string): Promise<unknown> {
  return JSON.parse(
    await readFile(join(ROOT, "tests", "plugins", "samples", `${name}.json`), "utf8"),
  );
}

export async function forgeKinds(): Promise<ForgeKind[]> {
  return [await githubKind(), await gitlabKind(), forgejoKind()];
}

async function githubKind(): Promise<ForgeKind> {
  const { pull_request: _, ...issue } = await sample("github-issue") as Json;
  const comments = await sample("github-issue-comments") as Json[];
  const author = (login: string, id: number) => ({ login, id });
  const commentOf = (id: number, user: Json, body: string, time: string) => ({
    ...comments[0],
    id,
    user,
    body,
    created_at: time,
    updated_at: time,
    author_association: "NONE",
  });
  const repository = "/repos/octocat/Hello-World";
  return {
    name: "github",
    api: "/api/v3",
    project: ["octocat", "hello-world"],
    number: "1347",
    paths: pathsOf(repository, "1347", `${repository}/issues/comments`),
    issue,
    comments: [
      ...comments,
      commentOf(2, author("stranger", 2), "Me neither", "2011-05-01T00:00:00Z"),
    ],
    standing: {},
    probe: { path: "/meta", json: { installed_version: "3.14.0" } },
    commentOf,
    author,
    change: "PATCH",
  };
}

async function gitlabKind(): Promise<ForgeKind> {
  const issue = { ...await sample("gitlab-issue") as Json, state: "opened" };
  const [system, note] = await sample("gitlab-notes") as Json[];
  const author = (username: string, id: number) => ({ username, id });
  const commentOf = (id: number, by: Json, body: string, time: string) => ({
    ...note,
    id,
    author: by,
    body,
    system: false,
    created_at: time,
    updated_at: time,
  });
  const repository = "/projects/my-group%2Fmy-project";
  return {
    name: "gitlab",
    api: "/api/v4",
    project: ["my-group", "my-project"],
    number: "1",
    paths: {
      ...pathsOf(repository, "1", `${repository}/issues/1/notes`, "notes"),
      pull: `${repository}/merge_requests/1`,
    },
    issue,
    comments: [
      system!,
      { ...note, system: false },
      commentOf(2, author("stranger", 2), "Me neither", "2013-11-01T00:00:00Z"),
    ],
    standing: { [`${repository}/members/all/1`]: { id: 1, access_level: 40 } },
    probe: { path: "/version", status: 401, json: { message: "401 Unauthorized" } },
    commentOf,
    author,
    change: "PUT",
  };
}

/**
 * From the schema that Forgejo publishes, in which nearly every field may be missing. What is not there is null, 0 or
 * empty, and all comments come at once.
 */
function forgejoKind(): ForgeKind {
  const author = (login: string, id: number) => ({ login, id });
  const commentOf = (id: number, user: Json, body: string, time: string) => ({
    id,
    user,
    body,
    created_at: time,
    updated_at: time,
    assets: [],
    original_author: "",
    original_author_id: 0,
    pull_request_url: "",
    html_url: `https://codeberg.org/some-user/re-po/issues/100#issuecomment-${id}`,
  });
  const repository = "/repos/some-user/re-po";
  const writer = author("maintainer", 1);
  return {
    name: "forgejo",
    api: "/api/v1",
    project: ["some-user", "re-po"],
    number: "100",
    paths: pathsOf(repository, "100", `${repository}/issues/comments`),
    issue: {
      number: 100,
      title: "It breaks",
      body: "When I look at it.",
      user: writer,
      labels: [{ id: 1, name: "bug" }],
      pull_request: null,
      milestone: null,
      assignees: null,
      original_author: "",
      original_author_id: 0,
    },
    comments: [
      commentOf(1, writer, "Me too", "2020-01-01T00:00:00Z"),
      commentOf(2, author("stranger", 2), "Me neither", "2021-01-01T00:00:00Z"),
    ],
    standing: { [`${repository}/collaborators/maintainer/permission`]: { permission: "write" } },
    probe: { path: "/version", json: { version: "11.0.1+gitea-1.22.0" } },
    commentOf,
    author,
    change: "PATCH",
  };
}

function pathsOf(repository: string, number: string, comment: string, comments = "comments") {
  const issue = `${repository}/issues/${number}`;
  return { repository, issue, comments: `${issue}/${comments}`, comment, pull: "/none" };
}

export interface ForgeServer extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  readonly ref: IssueRef;
  readonly asked: Asked[];
  /** What it says in place of the usual, by path without the query. An answer of a list is given once each. */
  readonly says: Record<string, Answer | Answer[]>;
}

export async function startForge(kind: ForgeKind): Promise<ForgeServer> {
  const asked: Asked[] = [];
  const says: ForgeServer["says"] = {};
  const usual = usualAnswers(kind);
  const server = await listening(async (request, response) => {
    const one = await askedIn(request);
    asked.push(one);
    const path = one.path.split("?")[0]!.toLowerCase();
    const below = (it: string) => (kind.api + it).toLowerCase();
    const found = (all: Record<string, Answer | Answer[]>) =>
      Object.entries(all).find(([it]) => below(it) === path)?.[1];
    const said = found(says);
    const answer = (Array.isArray(said) ? said.shift() : said) ?? posted(kind, one, path) ??
      found(usual) as Answer ?? { status: 404, json: { message: "404 Not Found" } };
    if (answer.hangs) return;
    const text = answer.text ?? JSON.stringify(answer.json ?? {});
    response.writeHead(answer.status ?? 200, answer.headers).end(text);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    ref: { host, project: kind.project, number: kind.number },
    asked,
    says,
    [Symbol.asyncDispose]: () => closed(server),
  };
}

function usualAnswers(kind: ForgeKind): Record<string, Answer> {
  const { paths, issue, comments, standing, probe } = kind;
  const { path, ...known } = probe;
  return {
    [paths.repository]: { json: { id: 1 } },
    [paths.issue]: { json: issue },
    [paths.comments]: { json: comments },
    "/user": { json: kind.author("kugetsu-bot", 99) },
    [path]: known,
    ...Object.fromEntries(Object.entries(standing).map(([path, json]) => [path, { json }])),
  };
}

/** The reply to a comment that is posted or changed. */
function posted(kind: ForgeKind, { method, body }: Asked, path: string): Answer | undefined {
  if (method === "GET") return undefined;
  const json = kind.commentOf(
    7,
    kind.author("kugetsu-bot", 99),
    `${body?.body}`,
    "2026-01-01T00:00:00Z",
  );
  const at = kind.api + (method === "POST" ? kind.paths.comments : kind.paths.comment);
  return path.startsWith(at.toLowerCase())
    ? { status: method === "POST" ? 201 : 200, json }
    : undefined;
}

async function askedIn(request: IncomingMessage): Promise<Asked> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return {
    method: request.method!,
    path: request.url!,
    token: request.headers.authorization,
    body: text ? JSON.parse(text) : undefined,
  };
}

export function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

export function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
