/** GitLab: gitlab.com, and self-hosted ones that config names or that answer as one. */
import type { IssueRef, Plugin } from "../src/api/mod.ts";
import { labelsOf, objectOf, restForge, textOf } from "./_rest.ts";

const HOST = "gitlab.com";
/** GitLab's access level of those who may push. */
const DEVELOPER = 30;

const project = ({ project }: IssueRef) => `/projects/${encodeURIComponent(project.join("/"))}`;
const issue = (ref: IssueRef) => `${project(ref)}/issues/${ref.number}`;

export const gitlab: Plugin = {
  name: "gitlab",
  apiVersion: 1,
  env: ["GITLAB_TOKEN"],
  forges: [restForge({
    name: "gitlab",
    hosts: [HOST],
    api: ({ base }) => `${base}/api/v4`,
    token: ({ host, env }) => host === HOST ? env.GITLAB_TOKEN : undefined,
    probe: {
      // Without a token it is refused, but in GitLab's own words.
      path: "/version",
      isOurs: (status, { message, version, revision }) =>
        (status === 401 && message === "401 Unauthorized") ||
        (status === 200 && typeof version === "string" && typeof revision === "string"),
    },
    paths: {
      repository: project,
      issue,
      pullRequest: (ref) => `${project(ref)}/merge_requests/${ref.number}`,
      comments: (ref) => `${issue(ref)}/notes?per_page=100&order_by=created_at&sort=asc`,
      comment: (ref, id) => `${issue(ref)}/notes/${id}`,
    },
    change: "PUT",
    page: {
      path: ({ project, number }) => `/${project.join("/")}/-/issues/${number}`,
      read(path) {
        const [, below, number] = /^\/(.+?)(?:\/-)?\/(?:issues|work_items)\/(\d+)\/?$/.exec(path) ??
          [];
        return number === undefined ? undefined : { project: below!.split("/"), number };
      },
    },
    readIssue: (json) => ({
      title: textOf(json.title),
      body: textOf(json.description),
      state: json.state === "closed" ? "closed" : "open",
      labels: labelsOf(json.labels),
      author: objectOf(json.author),
      pull: false,
    }),
    readComment: (json) =>
      json.system === true ? undefined : {
        id: textOf(json.id),
        author: objectOf(json.author),
        body: textOf(json.body),
        createdAt: textOf(json.created_at),
        updatedAt: textOf(json.updated_at) || textOf(json.created_at),
      },
    person: (author) => ({ name: textOf(author.username) || "ghost", standing: "unknown" }),
    standing: (author, ref) => ({
      path: `${project(ref)}/members/all/${encodeURIComponent(textOf(author.id))}`,
      isWriter: ({ access_level: level }) => typeof level === "number" && level >= DEVELOPER,
    }),
  })],
  examples: [
    { parse: "https://gitlab.com/a/b/c/-/issues/7", gives: "gitlab.com/a/b/c#7" },
    { parse: "https://gitlab.com/a/b/-/merge_requests/7", gives: null },
  ],
};
