/** A plugin that is an object in the test, behind the same driver as those that are compiled in. */
import type { Plugin } from "../../src/api/mod.ts";
import { inProcess } from "../../src/plugins/in_process.ts";
import type { Member } from "../../src/plugins/members.ts";
import { declaredBy, hello, read } from "../../src/plugins/protocol.ts";
import { withoutSecrets } from "../../src/plugins/secrets.ts";
import { helloOf } from "../../src/plugins/serve.ts";

/** The value of a variable that any of them may have declared. */
export const CANARY = "canary-4712";
const SECRETS: [string, string][] = [["DECLARED_TOKEN", CANARY]];

const nothing = () => Promise.resolve(undefined);

export function memberOf(plugin: Plugin): Member & { started(): boolean } {
  let started = false;
  const driver = inProcess(plugin, {
    env: { DECLARED: "1", OTHER: "2", DECLARED_TOKEN: CANARY },
    log: { info() {}, warn() {} },
    store: { get: nothing, set: nothing, delete: nothing },
  });
  return {
    declared: declaredBy(read(hello, helloOf(plugin), plugin.name)),
    builtIn: false,
    started: () => started,
    driver() {
      started = true;
      return Promise.resolve(driver);
    },
    tellable: (text) => withoutSecrets(text, SECRETS),
  };
}
