/** Tables for people: aligned by display width, and cut to a width where there is one. Pure. */

const GAP = "  ";
const RULE = "─";

/** How many columns of a terminal a text takes. */
type Measure = (text: string) => number;

/**
 * Lines, each with its end. `columns` is the width to fit in; undefined for as wide as it takes. What measures
 * other characters than ASCII is loaded only where there are some.
 */
export async function renderTable(
  header: string[],
  rows: string[][],
  columns: number | undefined,
): Promise<string> {
  // Nearly always all of it is plain: drawn as if it were, one look at the whole tells whether it is.
  const quick = draw(header, rows, columns, (text) => text.length);
  if (rows.length === 0 || !NOT_PLAIN.test(rows.join(""))) return quick;
  const { default: stringWidth } = await import("string-width");
  return draw(header, rows.map((row) => row.map(makeVisible)), columns, stringWidth);
}

function draw(
  header: string[],
  rows: string[][],
  columns: number | undefined,
  measure: Measure,
): string {
  const widths = fit(naturalWidths([header, ...rows], measure), columns);
  const total = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  let text = `${line(header, widths, measure)}${RULE.repeat(total)}\n`;
  for (const row of rows) text += line(row, widths, measure);
  return text;
}

function line(row: string[], widths: number[], measure: Measure): string {
  const last = row.length - 1;
  let text = "";
  for (let i = 0; i < last; i++) text += pad(row[i]!, widths[i]!, measure) + GAP;
  const end = row[last]!;
  return `${text}${
    measure(end) > widths[last]! ? cut(end, widths[last]!, measure).trimEnd() : end
  }\n`;
}

/** Lines in a room: each cut to the width, and the last one says how many there was no room for. */
export async function fitLines(
  lines: string[],
  columns: number,
  rows: number,
): Promise<string[]> {
  const { default: stringWidth } = await import("string-width");
  const more = lines.length - rows;
  const shown = more > 0 ? [...lines.slice(0, rows - 1), `… and ${more + 1} more lines`] : lines;
  return shown.map((line) =>
    stringWidth(line) > columns ? cut(line, columns, stringWidth).trimEnd() : line
  );
}

/**
 * Text with the characters written out that would move the cursor, hide something or turn the reading
 * direction: a name must not be able to look like another.
 */
export function makeVisible(text: string): string {
  if (!NOT_PLAIN.test(text)) return text;
  return text.replaceAll(TREACHEROUS, (character) => {
    const code = character.codePointAt(0)!.toString(16).padStart(4, "0");
    return `\\u{${code}}`;
  });
}

/** Anything but printable ASCII. */
const NOT_PLAIN = /[^\x20-\x7e]/;

const TREACHEROUS =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

function naturalWidths(rows: string[][], measure: Measure): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      const width = measure(row[i]!);
      if (width > (widths[i] ?? 0)) widths[i] = width;
    }
  }
  return widths;
}

const NARROWEST = 4;

/** Takes from the widest column until the row fits, or nothing more can be taken. */
function fit(widths: number[], columns: number | undefined): number[] {
  const fitted = [...widths];
  const room = (columns ?? Infinity) - GAP.length * (widths.length - 1);
  let excess = fitted.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) break;
    fitted[fitted.indexOf(widest)] = widest - 1;
    excess--;
  }
  return fitted;
}

function pad(text: string, width: number, measure: Measure): string {
  const own = measure(text);
  if (own > width) return cut(text, width, measure);
  return text + " ".repeat(width - own);
}

function cut(text: string, width: number, measure: Measure): string {
  let kept = "";
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const own = measure(segment);
    if (used + own > width - 1) break;
    kept += segment;
    used += own;
  }
  return `${kept}…${" ".repeat(Math.max(0, width - 1 - used))}`;
}
