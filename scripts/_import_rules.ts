/**
 * Which part of kugetsu may import which: the table behind ARCHITECTURE.md's one-way arrows.
 *
 * `main -> cli -> commands -> ports -> session -> api`. A *port* is the mod.ts of a folder that has
 * implementations; only cli/wire*.ts, which put the program together, know those. Paths are relative to the
 * checkout and have forward slashes.
 */

/** The folders under src whose mod.ts is a port and whose other files are implementations. */
export const PORTS = [
  "config",
  "installation",
  "plugins",
  "runner",
  "store",
  "supervisor",
  "workspace",
];

const BELOW_PORTS = ["session", "api"];

/** The files that put the program together, and so know the implementations. */
const WIRING = ["wire", "wire_client", "wire_opencode", "wire_supervisor"].map((name) =>
  `src/cli/${name}.ts`
);

/** For each part, the parts it may import as a whole, and whether it may use ports. */
const MAY: Record<string, { whole: string[]; ports?: boolean; why: string }> = {
  main: { whole: ["cli"], why: "main.ts calls src/cli and nothing else" },
  cli: {
    whole: ["commands", ...BELOW_PORTS],
    ports: true,
    why: "only src/cli/wire*.ts knows the implementations; the rest of src/cli sees ports",
  },
  commands: {
    whole: BELOW_PORTS,
    ports: true,
    why: "commands see ports (mod.ts), src/session and src/api",
  },
  ...Object.fromEntries(PORTS.map((port) => [port, {
    whole: ["platform", ...BELOW_PORTS],
    ports: true,
    why: "a port's folder sees other ports by their mod.ts, src/platform, src/session and src/api",
  }])),
  platform: { whole: BELOW_PORTS, why: "src/platform stands below everything that uses it" },
  session: { whole: ["api"], why: "src/session is pure and sees src/api alone" },
  api: { whole: [], why: "src/api is public and imports nothing from the rest" },
  errors: { whole: ["api"], why: "src/errors.ts is imported by all, so it imports only src/api" },
  "first-party": { whole: ["api"], why: "first-party plugins see what any plugin sees: src/api" },
};

/** Parts that must leave the outside world alone, so that they can be tested without one. */
const WITHOUT_IO = ["api", "commands", "errors", "session"];
const IO = /^(?:node:)?(?:fs|child_process|sqlite|net|tls|http|https|http2|dgram)(?:\/|$)/;

/** Why `from` may not import the file `to`; undefined if it may. */
export function whyNotFile(from: string, to: string): string | undefined {
  const [importer, imported] = [partOf(from), partOf(to)];
  const rule = MAY[importer];
  if (!rule) return `"${importer}" has no place in the table of scripts/_import_rules.ts`;
  if (isAsset(to) || importer === imported) return undefined;
  if (WIRING.includes(from)) return partIsOurs(imported) ? undefined : rule.why;
  if (imported === "errors" && importer !== "api" && importer !== "first-party") return undefined;
  if (imported === "first-party" && importer === "plugins") return undefined;
  if (rule.ports && isPort(to)) return undefined;
  return rule.whole.includes(imported) ? undefined : rule.why;
}

/** Why `from` may not import the package or built-in module `name`; undefined if it may. */
export function whyNotModule(from: string, name: string): string | undefined {
  const part = partOf(from);
  if (!WITHOUT_IO.includes(part) || !IO.test(name)) return undefined;
  return `${part} does no input or output itself: that belongs behind a port`;
}

/**
 * Why a file that a port's mod.ts needs at run time may not import `to` (a path or a module's name): what a
 * port drags along, every command drags along.
 */
export function whyNotBehindPort(to: string): string | undefined {
  if (!IO.test(to) && partOf(to) !== "platform") return undefined;
  return "it is loaded with its folder's mod.ts, and a port must not bring an implementation along";
}

export function isPort(path: string): boolean {
  return PORTS.some((port) => path === `src/${port}/mod.ts`);
}

/** `src/store/lock.ts` belongs to `store`, `src/errors.ts` to `errors`, `plugins/x.ts` to `first-party`. */
export function partOf(path: string): string {
  if (path === "main.ts") return "main";
  if (path.startsWith("plugins/")) return "first-party";
  const [top, part = ""] = path.split("/");
  return top === "src" ? part.replace(/\.ts$/, "") : path;
}

function partIsOurs(part: string): boolean {
  return part in MAY && part !== "main";
}

/** Data that is compiled in, such as a version or a template. */
function isAsset(path: string): boolean {
  return !/\.[cm]?[jt]sx?$/.test(path);
}
