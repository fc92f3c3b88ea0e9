/** The plugins that are compiled in. */
import { forgejo } from "../../plugins/forgejo.ts";
import { github } from "../../plugins/github.ts";
import { gitlab } from "../../plugins/gitlab.ts";
import type { Plugin } from "../api/mod.ts";

export const BUILT_IN: readonly Plugin[] = [github, gitlab, forgejo];
