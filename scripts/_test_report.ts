/**
 * What came of a test run: reads the JUnit file that `deno test` writes, and the reasons that needs() left
 * (see tests/support/needs.ts), and counts.
 *
 * A skipped test must have such a reason, so that none is switched off in silence, and a file must have run
 * at least one test: deno passes over one that fails while it is loaded.
 */
import { fileURLToPath } from "node:url";
import { relative, sep } from "node:path";
import type { SkipReason } from "../tests/support/needs.ts";

/** One test or step, as deno reports it; a step is called `test > step`. */
interface Case {
  name: string;
  file: string;
  line: number;
  verdict: "passed" | "failed" | "skipped";
  /** What was thrown; empty unless it failed. */
  thrown: string;
}

export interface Report {
  passed: number;
  failed: Failure[];
  /** What failed at first and passed when it was run again by itself. */
  unsteady: Failure[];
  skipped: string[];
  /** The Debian packages that would have let the skipped tests run. */
  packages: string[];
}

export interface Failure {
  /** One line, with the name and the file. */
  name: string;
  /** Undefined where it cannot be said. */
  file: string | undefined;
  /** The first lines of what was thrown: whoever has only the end of a log is to learn why, too. */
  why: string[];
}

export interface Evidence {
  /** The text of the JUnit file; empty if there is none. */
  junit: string;
  /** The text of the file KUGETSU_SKIPS. */
  skips: string;
  /** The files that were to run, relative to `root`. */
  files: string[];
  /** Whether deno itself was content. */
  succeeded: boolean;
  root: string;
}

export function report({ junit, skips, files, succeeded, root }: Evidence): Report {
  const cases = readCases(junit);
  const reasons = readReasons(skips, root);
  const result: Report = { passed: 0, failed: [], unsteady: [], skipped: [], packages: [] };
  if (cases.length === 0) return { ...result, failed: [failure("no test ran at all")] };
  for (const one of countable(cases)) {
    const file = originsOf(one, cases)[0]?.file ?? one.file;
    const label = `${one.name} (${file})`;
    if (one.verdict === "passed") result.passed++;
    if (one.verdict === "failed") result.failed.push(failure(label, file, one.thrown));
    if (one.verdict === "skipped") addSkipped(result, label, file, reasonsFor(one, cases, reasons));
  }
  const ran = new Set(cases.map((one) => one.file));
  const silent = files.filter((file) => !ran.has(file));
  result.failed.push(...silent.map((file) => failure(`no test of it ran (${file})`, file)));
  if (!succeeded && result.failed.length === 0) {
    result.failed.push(failure("something outside any test"));
  }
  return result;
}

export function closingLine({ passed, failed, skipped }: Report): string {
  const counts = `${passed} passed, ${failed.length} failed`;
  return skipped.length > 0 ? `${counts}, ${skipped.length} skipped` : counts;
}

export function merge(reports: Report[]): Report {
  return {
    passed: reports.reduce((sum, one) => sum + one.passed, 0),
    failed: reports.flatMap((one) => one.failed),
    unsteady: reports.flatMap((one) => one.unsteady),
    skipped: reports.flatMap((one) => one.skipped),
    packages: [...new Set(reports.flatMap((one) => one.packages))].sort(),
  };
}

/**
 * What is left of a run's failures after the files they are in were run once more, by themselves. Where that run broke
 * off, it clears nobody.
 */
export function afterSecondTry(first: Report, second: Report): Report {
  if (second.failed.some(({ file }) => file === undefined)) return first;
  const failedAgain = new Set(second.failed.map(({ file }) => file));
  const isUnsteady = ({ file }: Failure) => file !== undefined && !failedAgain.has(file);
  const unsteady = first.failed.filter(isUnsteady);
  const failed = first.failed.filter((one) => !isUnsteady(one));
  return { ...first, passed: first.passed + unsteady.length, failed, unsteady };
}

function failure(name: string, file?: string, thrown = ""): Failure {
  return { name, file, why: thrown.split("\n").filter((line) => line.trim() !== "").slice(0, 25) };
}

function addSkipped(result: Report, label: string, file: string, reasons: SkipReason[]): void {
  if (reasons.length === 0) {
    result.failed.push(failure(`${label}: skipped without a reason from needs()`, file));
    return;
  }
  result.skipped.push(`${label}: ${[...new Set(reasons.map((one) => one.reason))].join(", ")}`);
  result.packages.push(...reasons.flatMap((one) => one.packages));
}

/** A test with steps only repeats what they say, unless it failed by itself. */
function countable(cases: Case[]): Case[] {
  const above = (failing: boolean) =>
    new Set(cases.filter((one) => !failing || one.verdict === "failed").flatMap(ancestors));
  const groups = above(false);
  const groupsWithFailure = above(true);
  return cases.filter(({ name, verdict }) =>
    !groups.has(name) || (verdict === "failed" && !groupsWithFailure.has(name))
  );
}

/** `a > b > c` stands below `a > b` and `a`. */
function ancestors({ name }: Case): string[] {
  const parts = name.split(" > ");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join(" > "));
}

/**
 * The test that a step belongs to. Deno does not know the file of a step made with describe() and it(), only
 * the name of the group: two groups of one name are both given.
 */
function originsOf(one: Case, cases: Case[]): Case[] {
  if (!one.file.startsWith("ext:")) return [one];
  const root = one.name.split(" > ")[0];
  return cases.filter((other) => other.name === root && !other.file.startsWith("ext:"));
}

function reasonsFor(one: Case, cases: Case[], reasons: SkipReason[]): SkipReason[] {
  return originsOf(one, cases).flatMap((origin) => reasonsIn(origin, cases, reasons));
}

/** The reasons given between the test's first line and the next test's, or else above the first test. */
function reasonsIn(origin: Case, cases: Case[], reasons: SkipReason[]): SkipReason[] {
  const lines = cases.filter((other) => other.file === origin.file).map((other) => other.line);
  const startOf = (line: number) => Math.max(0, ...lines.filter((start) => start <= line));
  const ofFile = reasons.filter((reason) => reason.file === origin.file);
  const own = ofFile.filter((reason) => startOf(reason.line) === origin.line);
  return own.length > 0 ? own : ofFile.filter((reason) => startOf(reason.line) === 0);
}

function readCases(junit: string): Case[] {
  const cases = /<testcase name="([^"]*)" classname="([^"]*)"([^>]*)>([^]*?)<\/testcase>/g;
  return [...junit.matchAll(cases)].map(([, name, file, attributes, body]) => ({
    name: unescape(name!),
    file: unescape(file!).replace(/^\.\//, ""),
    line: Number(/ line="(\d+)"/.exec(attributes!)?.[1] ?? 0),
    verdict: /<failure/.test(body!) ? "failed" : /<skipped/.test(body!) ? "skipped" : "passed",
    thrown: unescape(/<failure[^>]*>([^]*)<\/failure>/.exec(body!)?.[1] ?? ""),
  }));
}

function readReasons(text: string, root: string): SkipReason[] {
  const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as SkipReason);
  const local = (url: string) => relative(root, fileURLToPath(url)).split(sep).join("/");
  return lines.map((reason) => ({ ...reason, file: local(reason.file) }));
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => ENTITIES[name]!);
}
