/** GitHub: github.com, and Enterprise Servers that config names or that answer as one. */
import type { Plugin } from "../src/api/mod.ts";
import {
  OWNER_PAGE,
  OWNER_PATHS,
  readOwnerComment,
  readOwnerIssue,
  restForge,
  textOf,
} from "./_rest.ts";

const HOST = "github.com";

/** An owner, a member of the organisation, or a collaborator; GitHub does not say more without asking for each. */
const WRITERS = ["OWNER", "MEMBER", "COLLABORATOR"];

export const github: Plugin = {
  name: "github",
  apiVersion: 1,
  env: ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"],
  forges: [restForge({
    name: "github",
    hosts: [HOST],
    api: ({ base }) => base === `https://${HOST}` ? `https://api.${HOST}` : `${base}/api/v3`,
    token({ host, configured, env }) {
      if (host === HOST) return env.GH_TOKEN || env.GITHUB_TOKEN;
      return configured ? env.GH_ENTERPRISE_TOKEN || env.GITHUB_ENTERPRISE_TOKEN : undefined;
    },
    probe: {
      path: "/meta",
      isOurs: (status, { installed_version: version }, headers) =>
        (status === 200 && typeof version === "string") ||
        headers.has("x-github-enterprise-version"),
    },
    paths: OWNER_PATHS,
    change: "PATCH",
    page: OWNER_PAGE,
    readIssue: readOwnerIssue,
    readComment: readOwnerComment,
    person: (author, { author_association: role }) => ({
      // Whoever deleted their account is shown as the ghost.
      name: textOf(author.login) || "ghost",
      standing: WRITERS.includes(textOf(role)) ? "writer" : "reader",
    }),
  })],
  examples: [
    { parse: "https://github.com/shoko/kugetsu/issues/14", gives: "github.com/shoko/kugetsu#14" },
    { parse: "https://github.com/shoko/kugetsu/pull/14", gives: null },
  ],
};
