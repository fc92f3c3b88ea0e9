/** The workspace port: the folders that turns run in, and what git knows of them. */
export interface Workspace {
  /** The real path of a folder. An error says with `what` whose it is, and what helps. @throws no-folder */
  folder(path: string, what: string, next?: string): string;
  /** The commit that is checked out; undefined outside a repository or before its first one. */
  head(folder: string): Promise<string | undefined>;
  /** The address of a remote; undefined where there is none. */
  remote(folder: string, name: string): Promise<string | undefined>;
}
