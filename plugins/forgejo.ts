/** Forgejo and Gitea: codeberg.org, and self-hosted ones that config names or that answer as one. */
import type { Plugin } from "../src/api/mod.ts";
import {
  OWNER_PAGE,
  OWNER_PATHS,
  readOwnerComment,
  readOwnerIssue,
  restForge,
  textOf,
} from "./_rest.ts";

const HOST = "codeberg.org";

const forge = restForge({
  name: "forgejo",
  hosts: [HOST],
  api: ({ base }) => `${base}/api/v1`,
  token: ({ host, env }) => host === HOST ? env.CODEBERG_TOKEN : undefined,
  probe: {
    path: "/version",
    isOurs: (status, { version, revision }) =>
      status === 200 && typeof version === "string" && revision === undefined,
  },
  paths: OWNER_PATHS,
  change: "PATCH",
  page: OWNER_PAGE,
  readIssue: readOwnerIssue,
  readComment: readOwnerComment,
  person(author, { original_author: imported }, { project: [owner] }) {
    // Whoever imported a repository is the user of all that others had written in it.
    if (textOf(imported)) return { name: `${textOf(imported)} (imported)`, standing: "reader" };
    const name = textOf(author.login) || "ghost";
    const isOwner = name.toLowerCase() === owner?.toLowerCase();
    return { name, standing: isOwner ? "writer" : "unknown" };
  },
  standing: (author, ref) => ({
    path: `${OWNER_PATHS.repository(ref)}/collaborators/${
      encodeURIComponent(textOf(author.login))
    }/permission`,
    isWriter: ({ permission }) => ["owner", "admin", "write"].includes(textOf(permission)),
  }),
});

/** The same under the name by which people of Gitea know it; only config can name it. */
const { probe: _, hosts: __, ...gitea } = { ...forge, name: "gitea" };

export const forgejo: Plugin = {
  name: "forgejo",
  apiVersion: 1,
  env: ["CODEBERG_TOKEN"],
  forges: [forge, gitea],
  examples: [
    { parse: "https://codeberg.org/a/b/issues/7", gives: "codeberg.org/a/b#7" },
    { parse: "https://codeberg.org/a/b/pulls/7", gives: null },
  ],
};
