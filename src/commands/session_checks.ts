/** What doctor finds of the sessions in opencode. */
import type { AgentSession } from "../runner/mod.ts";
import type { MadeSession } from "../session/record.ts";
import { gone } from "../session/state.ts";
import type { Store } from "../store/mod.ts";
import { completeBases } from "./base.ts";
import { attempt, type Line } from "./checks.ts";
import type { Context } from "./context.ts";

/** Which sessions opencode no longer has. When it cannot be asked, nothing changes. A rebuilt base is completed. */
export function checkSessions(context: Context, baseRebuilt: boolean): Promise<Line[]> {
  return attempt("sessions", async () => {
    const store = await context.store();
    const { sessions } = await store.list();
    const mapped = sessions.flatMap(({ key, record }) =>
      record?.opencode_session_id ? [{ key, id: record.opencode_session_id }] : []
    );
    const bases = await store.bases();
    const ids = [...mapped, ...bases.map((it) => ({ id: it.opencode_session_id }))].map((it) =>
      it.id
    );
    if (ids.length === 0) return [{ check: "sessions", ok: true, text: "there is no session yet" }];
    const opencode = await context.sessions();
    const present = await context.untilStopped((signal) => opencode.find(ids, signal));
    const missing = mapped.filter((it) => !present.has(it.id));
    const lines: Line[] = missing.map(({ key, id }) => ({
      check: "sessions",
      ok: false,
      text: `${key}: opencode no longer has its session ${id}`,
      next: `kugetsu destroy ${JSON.stringify(key)} -y`,
    }));
    const lost = bases.filter((it) => !present.has(it.opencode_session_id));
    lines.push(...lost.map(baseGone));
    lines.push(...await markGone(context, store, missing.map((it) => it.key)));
    if (lines.length === 0) {
      const all = ids.length === 1 ? "the one session" : `all ${ids.length} sessions`;
      lines.push({ check: "sessions", ok: true, text: `opencode has ${all}` });
    }
    return baseRebuilt ? [...lines, ...await completed(context, present)] : lines;
  });
}

function completed(
  context: Context,
  present: ReadonlyMap<string, AgentSession>,
): Promise<Line[]> {
  return attempt(
    "sessions",
    async () =>
      (await completeBases(context, present)).map(({ opencode_session_id: id, directory }) => ({
        check: "sessions",
        ok: true,
        text: `the base session ${id}: what was not known was read again, in ${directory}`,
        repaired: true,
      })),
  );
}

/** Where that cannot be written down, what was found is told all the same. */
function markGone(context: Context, store: Store, keys: string[]): Promise<Line[]> {
  return attempt("sessions", async () => {
    for (const key of keys) await store.amend(key, (record) => gone(record, context.now()));
    return [];
  });
}

function baseGone({ opencode_session_id: id, repository, directory }: MadeSession): Line {
  const of = repository ? ` of ${repository}` : "";
  return {
    check: "sessions",
    ok: false,
    text: `opencode no longer has the base session ${id}${of}`,
    next: `kugetsu init --force${directory ? ` --dir ${JSON.stringify(directory)}` : ""}`,
  };
}
