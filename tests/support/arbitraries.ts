/** Generators for property tests: refs as people write them, and texts that are made to cause trouble. */
import fc from "fast-check";

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined });
const host = fc.tuple(fc.array(label, { minLength: 2, maxLength: 4 }), port)
  .map(([labels, number]) => `${labels.join(".")}${number === undefined ? "" : `:${number}`}`);
const segment = fc.stringMatching(/^~?[A-Za-z0-9._-]{1,12}$/).filter((it) => !/^\.+$/.test(it));

/** Refs in their canonical form, nested groups and ports among them, in any case. */
export const anyRef = fc
  .tuple(
    host,
    fc.array(segment, { minLength: 2, maxLength: 5 }),
    fc.integer({ min: 1, max: 999_999_999_999_999 }),
  )
  .map(([where, project, number]) => `${where}/${project.join("/")}#${number}`);

/** The text with the case of each letter chosen anew. */
export function inAnyCase(text: string): fc.Arbitrary<string> {
  return fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((upper) =>
    [...text].map((letter, i) => upper[i] ? letter.toUpperCase() : letter.toLowerCase()).join("")
  );
}
