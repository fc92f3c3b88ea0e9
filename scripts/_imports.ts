/**
 * Finds what a module imports, from its text.
 *
 * It relies on the format that `deno fmt` gives (which `deno task ok` checks first): statements begin a line,
 * specifiers stand in double quotes, a comment has its lines to itself.
 */

export interface Import {
  specifier: string;
  /** Counted from 1, where the specifier stands. */
  line: number;
  /** `import type` and `export type`: nothing of it is left when the program runs. */
  typeOnly: boolean;
}

/** `import … from "x"`, `import "x"`, `export … from "x"`, over several lines too. */
const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(?<specifier>[^"\n]+)"/dgm;
/** `import("x")`, as a value and in a type. */
const CALL = /\bimport\(\s*"(?<specifier>[^"\n]+)"/dg;
const COMMENT_LINE = /^[ \t]*(?:\/\/|\/\*|\*).*$/gm;

export function findImports(source: string): Import[] {
  const code = source.replace(COMMENT_LINE, "");
  const found = [...code.matchAll(STATEMENT), ...code.matchAll(CALL)].map((match) => ({
    specifier: match.groups!.specifier!,
    line: lineAt(code, match.indices!.groups!.specifier![0]),
    typeOnly: match[1]?.trim() === "type",
  }));
  return found.sort((a, b) => a.line - b.line);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
