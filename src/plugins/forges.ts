/** Which forge speaks for a host, what it is asked with, and what its failures mean. */
import * as v from "valibot";
import type { ForgeProblem, Issue, IssueRef } from "../api/mod.ts";
import type { Instance } from "../config/mod.ts";
import { errors, type KugetsuError } from "../errors.ts";
import { Cache } from "../platform/cache.ts";
import { formatRef } from "../session/ref.ts";
import type { Driver } from "./driver.ts";
import type { Member } from "./members.ts";
import { PluginFailure, type Question, read } from "./protocol.ts";
import { tokenFrom } from "./token_command.ts";

export interface ForgesOptions {
  members: Member[];
  instances: Record<string, Instance>;
  limitMs: number;
  env: Record<string, string | undefined>;
  /** A file for what probing has found; it may be deleted at any time. */
  cache: string;
}

interface Found {
  member: Member;
  forge: string;
}

type Method = Question["method"];

export class Forges {
  readonly #options: ForgesOptions;

  constructor(options: ForgesOptions) {
    this.#options = options;
  }

  async ask<T>(
    ref: IssueRef,
    method: Method,
    answer: v.GenericSchema<unknown, T>,
    options: Record<string, unknown> = {},
  ): Promise<T> {
    const { member, forge } = await this.#find(ref.host);
    const driver = await driverOf(member, ref.host);
    // For an address nobody is asked.
    const token = method === "url" ? undefined : await this.#token(ref.host);
    const params = {
      ...this.#about(ref.host, forge),
      ref,
      options,
      ...(token === undefined ? {} : { token }),
    };
    try {
      const said = await driver.ask({ method, params, limitMs: this.#options.limitMs });
      return read(answer, said, "its answer");
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      throw this.#explained(ref, method, member, error, token);
    }
  }

  /** The issue that a text means; asked of the host's forge if it is an address, of all otherwise. */
  async parse(text: string): Promise<IssueRef | undefined> {
    const host = /^https?:\/\//i.test(text) ? URL.parse(text)?.host : undefined;
    const found = host === undefined ? this.#everyForge() : [await this.#find(host)];
    for (const { member, forge } of found) {
      const driver = await member.driver();
      const params = { ...this.#about(host ?? "", forge), text };
      const { limitMs } = this.#options;
      const said = await driver?.ask({ method: "parse", params, limitMs }).catch(() => undefined);
      const parsed = v.safeParse(issueRef, said);
      if (parsed.success) return parsed.output;
    }
    return undefined;
  }

  #everyForge(): Found[] {
    return this.#options.members.flatMap((member) =>
      member.declared.forges.map((it) => ({ member, forge: it.name }))
    );
  }

  #about(host: string, forge: string) {
    const instance = this.#options.instances[host];
    const base = (instance?.url ?? `https://${host}`).replace(/\/+$/, "");
    return { forge, host, base, configured: instance !== undefined };
  }

  async #find(host: string): Promise<Found> {
    const wanted = this.#options.instances[host]?.forge;
    const all = this.#everyForge();
    if (wanted !== undefined) {
      // A plugin's name says more than a forge's, which several may have.
      const ofPlugin = all.filter((it) => it.member.declared.name === wanted);
      const named = ofPlugin.length > 0 ? ofPlugin : all.filter((it) => it.forge === wanted);
      const owners = new Set(named.map((it) => it.member.declared.name));
      if (owners.size > 1) throw errors.twoForges(host, [...owners]);
      if (named[0]) return named.find((it) => it.forge === wanted) ?? named[0];
      throw errors.unknownForge(host, wanted);
    }
    const fixed = all.filter(({ member, forge }) => forgeIn(member, forge).hosts.includes(host));
    const found = fixed.length > 0 ? fixed : await this.#probed(host);
    if (found.length === 1) return found[0]!;
    if (found.length === 0) throw errors.noForge(host, "no plugin speaks for it");
    throw errors.twoForges(host, found.map((it) => it.member.declared.name));
  }

  /** Those that recognise a host that nobody named. They are asked without a token. */
  async #probed(host: string): Promise<Found[]> {
    const probing = this.#everyForge().filter((it) => forgeIn(it.member, it.forge).probes);
    const find = async () => {
      const params = this.#about(host, "");
      const limitMs = Math.min(this.#options.limitMs, PROBE_MS);
      const failures: PluginFailure[] = [];
      const found = await Promise.all(probing.map(async ({ member, forge }) => {
        const driver = await member.driver();
        const question: Question = { method: "probe", params: { ...params, forge }, limitMs };
        const said = await driver?.ask(question).catch((error) => void failures.push(error));
        return said === true ? [forge] : [];
      }));
      const [failure] = failures;
      const isAway = failures.length === probing.length && failure?.kind === "unreachable";
      if (isAway) throw errors.hostUnreachable(host, failure.message);
      return found.flat();
    };
    const kept = new Cache(this.#options.cache, v.array(v.string()));
    const names = probing.map((it) => it.forge).join(" ");
    const forges = await kept.get(host, names, find, (value) => value.length > 0);
    return probing.filter((it) => forges.includes(it.forge));
  }

  /**
   * Where config says where the host's token is, no other is sent there.
   *
   * @throws token-unset, token-command-failed
   */
  async #token(host: string): Promise<string | undefined> {
    const { instances, env } = this.#options;
    const { token_variable: variable, token_command: command } = instances[host] ?? {};
    if (variable !== undefined) {
      if (env[variable]) return env[variable];
      throw errors.tokenUnset(host, variable);
    }
    if (command === undefined) return undefined;
    const token = await tokenFrom(command, env);
    if (token !== undefined) return token;
    throw errors.tokenCommandFailed(host);
  }

  #explained(
    ref: IssueRef,
    method: Method,
    member: Member,
    failure: PluginFailure,
    token?: string,
  ): KugetsuError {
    const told = member.tellable(failure.message);
    const why = token === undefined ? told : told.replaceAll(token, "[token]");
    const kind = failure.kind as ForgeProblem | undefined;
    const action = method === "comment" ? "comment on" : "ask about";
    return errors.forgeFailed(formatRef(ref), member.declared.name, kind, why, action);
  }
}

const PROBE_MS = 10_000;

function forgeIn({ declared }: Member, name: string) {
  return declared.forges.find((it) => it.name === name)!;
}

async function driverOf(member: Member, host: string): Promise<Driver> {
  const driver = await member.driver();
  if (driver) return driver;
  const { name } = member.declared;
  const why = `a warning says why, and it speaks for ${JSON.stringify(host)}`;
  throw errors.pluginUnloadable(name, why, `kugetsu plugin check ${name}`);
}

const text = v.string();
const person = v.object({ name: text, standing: v.picklist(["writer", "reader", "unknown"]) });

export const issueRef = v.object({ host: text, project: v.array(text), number: text });
export const address = v.pipe(text, v.regex(/^https?:\/\/\S+$/, "it is no web address"));
export const posted = v.object({ url: address });
export const issue: v.GenericSchema<unknown, Issue> = v.object({
  title: text,
  body: text,
  state: v.picklist(["open", "closed"]),
  author: person,
  labels: v.array(text),
  url: address,
  comments: v.array(v.object({
    author: person,
    body: text,
    createdAt: text,
    updatedAt: text,
    url: v.exactOptional(text),
  })),
});
