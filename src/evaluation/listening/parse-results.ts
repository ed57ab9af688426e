// Results files, as they come back from listeners. Knows no file system.
import { z } from 'zod';
import { MelstromError, messageOf } from '../../base/errors.js';
import { RESULTS_FORMAT, TEST_KINDS, type ListeningResults } from './listening-test.js';

const side = z.enum(['a', 'b']);
const trial = z.strictObject({
  number: z.int().min(1),
  item: z.string(),
  seconds: z.number().min(0),
  heard: z.array(z.int().min(0)),
  a: z.string().optional(),
  b: z.string().optional(),
  x: side.optional(),
  choice: z.enum(['a', 'b', 'none']).optional(),
  isCorrect: z.boolean().optional(),
  ratings: z.array(z.strictObject({ condition: z.string(), score: z.number().min(0).max(100) })).optional(),
});

const schema = z
  .strictObject({
    format: z.literal(RESULTS_FORMAT),
    version: z.literal(1),
    test: z.strictObject({ id: z.string(), title: z.string(), kind: z.enum(TEST_KINDS), seed: z.number() }),
    listener: z.string(),
    equipment: z.string(),
    started: z.string(),
    finished: z.string().nullable(),
    trials: z.array(trial),
  })
  .superRefine(({ test, trials }, context) => {
    trials.forEach((one, index) => {
      const isComplete = { mushra: one.ratings !== undefined, abx: one.x !== undefined && side.safeParse(one.choice).success, preference: one.choice !== undefined }[test.kind] && (test.kind === 'mushra' || (one.a !== undefined && one.b !== undefined));
      if (!isComplete) context.addIssue({ code: 'custom', path: ['trials', index], message: `no answer to a trial of ${test.kind}` });
      // Counted anew, since nobody should have to trust a file in this.
      else if (test.kind === 'abx' && one.isCorrect !== (one.choice === one.x)) context.addIssue({ code: 'custom', path: ['trials', index, 'isCorrect'], message: 'not what x and the answer say' });
    });
  });

/** @throws MelstromError of kind 'data' that names the file and what is wrong in it */
export function parseResults(text: string, where: string): ListeningResults {
  const fail = (got: string, cause?: unknown): MelstromError =>
    new MelstromError({ kind: 'data', where, got, expected: 'the JSON file that a listening page saves at its end', fix: 'The CSV file is for spreadsheets only.', cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail(`no JSON (${messageOf(cause)})`, cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fail(`${issue.path.length === 0 ? 'the whole' : issue.path.join('.')}: ${issue.message}`, parsed.error);
}
