// JSON as Python writes it, where an infinity may stand bare.

const STRING_OR_INFINITY = /"(?:[^"\\]|\\.)*"|-?Infinity/g;

/** Parses JSON in which Infinity and -Infinity are numbers. @throws SyntaxError when it is not that */
export function parsePythonJson(text: string): unknown {
  return JSON.parse(text.replace(STRING_OR_INFINITY, (found) => (found.startsWith('"') ? found : found.replace('Infinity', '1e999')))) as unknown;
}
