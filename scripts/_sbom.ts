/** What is inside an executable, as CycloneDX has it. It is read from the source maps, which name every file. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { OPENCODE_VERSION } from "./opencode.ts";

interface Component {
  name: string;
  version: string;
}

/** The npm packages of which a file went into the bundle that these source maps belong to. */
export async function packagesIn(folder: string): Promise<Component[]> {
  const maps = (await readdir(folder)).filter((name) => name.endsWith(".map"));
  const texts = await Promise.all(maps.map((name) => readFile(join(folder, name), "utf8")));
  const sources = texts.flatMap((text) => JSON.parse(text).sources as string[]);
  const ids = sources.flatMap((source) =>
    /node_modules\/\.deno\/([^/]+)\//.exec(source)?.[1] ?? []
  );
  return [...new Set(ids)].sort().map(componentOf);
}

/** `@opencode-ai+sdk@1.18.33`, as deno names the folder of a package. */
function componentOf(id: string): Component {
  const at = id.lastIndexOf("@");
  return { name: id.slice(0, at).replace("+", "/"), version: id.slice(at + 1).replace(/_.*/, "") };
}

export function sbom(version: string, runtime: string, packages: Component[]): string {
  const all = [{ name: "bun", version: runtime }, ...packages];
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name: "kugetsu",
        version,
        licenses: [{ license: { id: "MIT" } }],
      },
      properties: [{ name: "tested with opencode-ai, not inside", value: OPENCODE_VERSION }],
    },
    components: all.map(({ name, version }) => ({
      type: name === "bun" ? "platform" : "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      "bom-ref": `pkg:npm/${name}@${version}`,
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
